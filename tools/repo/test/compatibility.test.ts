import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { packageOf, page, precisionOf, readTable, renderPage, staleFixtures } from '../compatibility.ts'
import { fixtures, modelsOf, optionsOf } from '../fixtures.ts'

// Nothing is converted here: the table has to be of the fixtures that there are, of the tasks and options that the plugins have now.

const table = readTable()
const all = fixtures()
const plugins = [...new Set(all.map(({ plugin }) => plugin))]

describe('docs/compatibility.json (node tools/repo/compatibility.ts brings it up to date)', () => {
  it('has every family', () => expect(Object.keys(table.families)).toEqual(plugins))

  it('was made of the fixtures as they are', () => {
    expect(staleFixtures(table, all)).toEqual([])
    const made = Object.entries(table.families).flatMap(([plugin, family]) => Object.keys(family.made).map(name => `${plugin}/${name}`))
    expect(made).toEqual(all.map(({ plugin, name }) => `${plugin}/${name}`))
  })

  it.each(plugins)('has all that is converted of %s, by fixture, task, target and options', async plugin => {
    const own = all.filter(fixture => fixture.plugin === plugin)
    const planned = (await modelsOf(own, 'plugins')).flatMap(({ model, tasks, targets, options }) =>
      tasks.flatMap(task => targets.flatMap(target => options.map(set => JSON.stringify([model.split('/').at(-1), task, target, set])))),
    )
    const rows = table.families[plugin]?.rows.map(({ fixture, task, target, options }) => JSON.stringify([fixture, task, target, options]))
    expect(rows?.toSorted()).toEqual(planned.toSorted())
  })

  it.each(plugins)('knows the tasks that %s claims, and no others', plugin => {
    const { name, silane } = packageOf(plugin)
    const measured = new Set(table.families[plugin]?.rows.map(({ task }) => task))
    expect([...measured].filter(task => !silane.tasks.includes(task))).toEqual([])
    const missing = silane.tasks.filter(task => !measured.has(task))
    if (missing.length > 0) expect(readFileSync(page, 'utf8')).toContain(`Without a fixture: ${missing.join(', ')}.`)
    expect(table.families[plugin]?.package).toBe(name)
  })

  it('says what was measured with which versions', () => {
    for (const { version, silane, core, onnxruntime } of Object.values(table.families))
      for (const each of [version, silane, core, onnxruntime]) expect(each).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('has figures of whole dB, within their gates', () => {
    for (const { rows } of Object.values(table.families)) {
      for (const { gates, options, target } of rows) {
        expect(Object.keys(gates)).toEqual(expect.arrayContaining(target === 'onnx' ? ['onnx'] : ['lowering', 'file']))
        for (const [line, psnr] of Object.entries(gates)) {
          if (psnr === 'equal') continue
          expect(psnr).toBe(Math.floor(psnr))
          expect(psnr).toBeGreaterThanOrEqual(table.gates[`${line} ${precisionOf(options, target)}`] ?? 0)
        }
      }
    }
  })
})

it('docs/compatibility.md is the page of it', () => expect(readFileSync(page, 'utf8')).toBe(renderPage(table)))

describe('flags of a fixture as options of silane.ci.json', () => {
  it('lose nothing', () => {
    expect(
      optionsOf([
        '--seq',
        '24',
        '--option',
        'mode=encoder-only',
        '--option',
        'boxes=true',
        '--kv',
        'state',
        '--option',
        'image-size=20x16',
      ]),
    ).toEqual({
      seq: 24,
      mode: 'encoder-only',
      boxes: true,
      kv: 'state',
      'image-size': '20x16',
    })
    expect(() => optionsOf(['--offline', '--seq', '24'])).toThrow('only flags with a value')
    expect(() => optionsOf(['--sequence', '24'])).toThrow('unknown option')
  })
})
