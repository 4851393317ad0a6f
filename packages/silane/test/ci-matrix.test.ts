import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readCiFile } from '../src/ci/ci-file.ts'
import { matrix } from '../src/ci/matrix.ts'
import { digestOf, planMatrix } from '../src/ci/plan-matrix.ts'
import { entriesOfShard, parseShard } from '../src/ci/shard.ts'
import { installed } from './installed.ts'
import { copyOf, fixture, temporary, write } from './workspace.ts'

const ciFile = (...models: readonly object[]): string => join(write(temporary(), { 'silane.ci.json': { models } }), 'silane.ci.json')
const planned = (...models: readonly object[]) => planMatrix(readCiFile(ciFile(...models)))

describe('silane.ci.json', () => {
  test.each([
    [[], /array/],
    [{}, /models/],
    [{ models: [] }, /models/],
    [{ models: [{ model: '' }] }, /models\.0\.model/],
    [{ models: [{ model: 'a/b', target: 'onnx' }] }, /Unrecognized key: "target"/],
    [{ models: [{ model: 'a/b', targets: ['tflite'] }] }, /models\.0\.targets\.0/],
    [{ models: [{ model: 'a/b', targets: [] }] }, /models\.0\.targets/],
    [{ models: [{ model: 'a/b', tasks: ['fill-mask', 'fill-mask'] }] }, /has the same twice/],
    [{ models: [{ model: 'a/b', options: { seq: 128 } }] }, /models\.0\.options/],
    [{ models: [{ model: 'a/b', options: [{ seq: null }] }] }, /is no text, number/],
    [{ models: [{ model: 'a/b', options: [{ '--seq': 128 }] }] }, /models\.0\.options/],
    [{ models: [{ model: 'a/b', options: [{ task: 'fill-mask' }] }] }, /a list "tasks"/],
    [{ models: [{ model: 'a/b' }], jobs: 3 }, /Unrecognized key: "jobs"/],
    [{ models: [{ model: 'a\0b' }] }, /models\.0\.model: has a character that no path has/],
    [{ models: [{ model: 'a/b', tasks: ['\ud800'] }] }, /models\.0\.tasks\.0: has a character that no path has/],
    [{ models: [{ model: `a/${'-'.repeat(5000)}` }] }, /models\.0\.model/],
  ])('%j is refused by name', (content, problem) => {
    const file = join(write(temporary(), { 'silane.ci.json': content }), 'silane.ci.json')
    expect(() => readCiFile(file)).toThrow(
      expect.objectContaining({ code: 'E_CI_FILE', exitCode: 2, what: expect.stringMatching(problem) }),
    )
  })

  test('what is no JSON, and what is not there, have codes too', () => {
    const folder = write(temporary(), { 'silane.ci.json': '{' })
    expect(() => readCiFile(join(folder, 'silane.ci.json'))).toThrow(expect.objectContaining({ code: 'E_JSON' }))
    expect(() => readCiFile(join(folder, 'another.json'))).toThrow(expect.objectContaining({ code: 'E_CI_FILE_MISSING' }))
  })

  test('lists whose product nobody could convert are refused before it is made', () => {
    const tasks = Array.from({ length: 4000 }, (_, i) => `t${i}`)
    const options = Array.from({ length: 4000 }, (_, i) => ({ seq: i + 1 }))
    expect(() => planned({ model: 'a/b', tasks, options })).toThrow(
      expect.objectContaining({
        code: 'E_CI_FILE',
        what: expect.stringContaining('make 32000000 conversions, of which 20000 are planned'),
      }),
    )
  })

  test('an entry that is there twice is refused, whatever the order of its options', () => {
    const twice = () => planned({ model: 'a/b', options: [{ seq: 8, kv: 'io' }] }, { model: 'a/b', options: [{ kv: 'io', seq: 8 }] })
    expect(twice).toThrow(
      expect.objectContaining({ code: 'E_CI_FILE', what: expect.stringContaining('a/b, coreml, kv-io, seq-8 is there twice') }),
    )
  })
})

describe('names', () => {
  test('that become the same are counted, in a time that goes with their number', () => {
    const models = Array.from({ length: 10_000 }, (_, i) => ({
      model: `a${i.toString(2).padStart(14, '0').replaceAll('0', '!').replaceAll('1', '?')}`,
      targets: ['onnx'],
    }))
    const start = process.cpuUsage()
    const names = planned(...models).map(({ name }) => name)
    expect([names[0], names[1], names.at(-1)]).toEqual(['a.onnx', 'a.onnx-2', 'a.onnx-10000'])
    // A hundredth of a second for each would be what looking for a free number from 2 on takes.
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(3)
  })

  test('say model, task where one is given, target and options', () => {
    expect(planned({ model: 'org/Name', tasks: ['fill-mask'], options: [{}, { seq: [64, 128] }] }).map(({ name }) => name)).toEqual([
      'org-Name.fill-mask.coreml',
      'org-Name.fill-mask.coreml.seq-64-128',
      'org-Name.fill-mask.onnx',
      'org-Name.fill-mask.onnx.seq-64-128',
    ])
  })

  test('are unique, also where capitals do not count, and fit for files', () => {
    const names = planned(
      { model: 'a/b', targets: ['onnx'] },
      { model: './a/b', targets: ['onnx'] },
      { model: 'A-b', targets: ['onnx'] },
      { model: '../../etc/x y:<z>', targets: ['onnx'], options: [{ mode: 'a/../b' }] },
      { model: 'o/n', targets: ['onnx'], options: [{ mode: 'x'.repeat(300) }, { mode: `${'x'.repeat(300)}y` }] },
    ).map(({ name }) => name)
    expect(names.slice(0, 4)).toEqual(['a-b.onnx', 'a-b.onnx-2', 'A-b.onnx-3', 'etc-x-y-z.onnx.mode-a-..-b'])
    expect(new Set(names.map(name => name.toLowerCase())).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,130}$/)
  })

  test('the digest changes with what is planned, and not with how it is written down', () => {
    const digest = (...models: readonly object[]) => digestOf(planned(...models))
    expect(digest({ model: 'a/b', options: [{ seq: 8, kv: 'io' }] })).toBe(digest({ options: [{ kv: 'io', seq: 8 }], model: 'a/b' }))
    expect(digest({ model: 'a/b', options: [{ seq: 8 }] })).not.toBe(digest({ model: 'a/b', options: [{ seq: 9 }] }))
    expect(digest({ model: 'a/b' })).not.toBe(digest({ model: 'a/b', tasks: ['fill-mask'] }))
  })
})

describe('shards', () => {
  const entries = (...counts: readonly number[]) =>
    counts.flatMap((count, i) => Array.from({ length: count }, (_, at) => ({ model: `m${i}`, at })))
  const split = <T extends { readonly model: string }>(all: readonly T[], count: number) =>
    Array.from({ length: count }, (_, i) => entriesOfShard(all, { index: i + 1, count }))

  test.each([
    [[4, 4, 4, 4], 2],
    [[1, 2, 3, 4, 5, 6, 7], 3],
    [[12, 3], 5],
    [[5], 3],
    [[2, 2], 7],
    [[1, 1, 1], 3],
  ])('of models with %j entries, %i in number, hold every entry once', (counts, count) => {
    const all = entries(...counts)
    const shards = split(all, count)
    expect(shards.flat()).toHaveLength(all.length)
    expect(new Set(shards.flat())).toEqual(new Set(all))
    // A machine has nothing to do only where there is no entry for it.
    expect(shards.filter(shard => shard.length === 0)).toHaveLength(Math.max(0, count - all.length))
    const downloads = shards.reduce((sum, shard) => sum + new Set(shard.map(({ model }) => model)).size, 0)
    expect(downloads).toBe(Math.max(counts.length, Math.min(count, all.length)))
  })

  test('are balanced where models allow it', () => {
    expect(split(entries(4, 4, 4, 4), 2).map(({ length }) => length)).toEqual([8, 8])
    expect(split(entries(9, 1, 1, 1, 1, 1, 1, 1, 1, 1), 2).map(({ length }) => length)).toEqual([9, 9])
    expect(split(entries(12, 3), 5).map(({ length }) => length)).toEqual([3, 3, 3, 3, 3])
  })

  test('as many as entries are the entries in their order', () => {
    const all = entries(3, 1, 2)
    expect(split(all, all.length)).toEqual(all.map(entry => [entry]))
  })

  test.each(['0/2', '3/2', '1', '1/0', 'a/b', '1/2/3', '-1/2', '1/99999'])('%s is none', text => {
    expect(() => parseShard(text)).toThrow(expect.objectContaining({ code: 'E_USAGE', exitCode: 2 }))
  })
})

describe('the matrix', () => {
  test('has the task that a checkpoint is for, or those that are asked for', async () => {
    const config = ciFile(
      { model: fixture('fill-mask'), targets: ['onnx'] },
      { model: fixture('sentence-transformers'), options: [{ seq: 24, precision: 'fp32' }] },
      { model: fixture('fill-mask'), tasks: ['feature-extraction'], targets: ['onnx'] },
    )
    const { include } = await matrix({ config })
    expect(include.map(({ task, target, options }) => [task, target, options])).toEqual([
      ['fill-mask', 'onnx', {}],
      ['feature-extraction', 'coreml', { seq: 24, precision: 'fp32' }],
      ['feature-extraction', 'onnx', { seq: 24, precision: 'fp32' }],
      ['feature-extraction', 'onnx', {}],
    ])
    expect(Object.keys(include[0] ?? {})).toEqual(['name', 'model', 'task', 'target', 'options'])
  })

  test('takes the paths of models from the folder of its file on', async () => {
    const folder = join(copyOf('fill-mask'), '..')
    write(folder, {
      'silane.ci.json': {
        models: [
          { model: 'fill-mask', targets: ['onnx'] },
          { model: './fill-mask', targets: ['coreml'] },
        ],
      },
    })
    const { include } = await matrix({ config: join(folder, 'silane.ci.json') })
    expect(include.map(({ name, model }) => [name, model])).toEqual([
      ['fill-mask.onnx', 'fill-mask'],
      ['fill-mask.coreml', './fill-mask'],
    ])
  })

  test.each([
    [{ model: fixture('fill-mask'), options: [{ context: 32 }] }, 'E_OPTION_UNKNOWN'],
    [{ model: fixture('fill-mask'), options: [{ seq: 'long' }] }, 'E_OPTION'],
    [{ model: fixture('fill-mask'), options: [{ precision: 'fp8' }] }, 'E_OPTION'],
    [{ model: fixture('fill-mask'), tasks: ['mask-filling'] }, 'E_OPTION'],
    [{ model: './not-there' }, 'E_MODEL_FOLDER'],
  ])('%j ends before any machine is asked', async (model, code) => {
    await expect(matrix({ config: ciFile(model) })).rejects.toMatchObject({ code, exitCode: 2 })
  })

  test('of more than 256 entries has to be printed in parts', async () => {
    const options = Array.from({ length: 257 }, (_, i) => ({ seq: i + 1 }))
    const config = ciFile({ model: fixture('fill-mask'), targets: ['onnx'], options })
    await expect(matrix({ config })).rejects.toMatchObject({
      code: 'E_CI_SIZE',
      exitCode: 2,
      what: expect.stringContaining('257'),
      next: expect.stringContaining('--shard 1/2'),
    })
    const parts = await Promise.all([1, 2].map(index => matrix({ config, shard: { index, count: 2 } })))
    expect(parts.map(({ include }) => include.length).sort()).toEqual([128, 129])
    expect(new Set(parts.flatMap(({ include }) => include.map(({ name }) => name))).size).toBe(257)
  })

  test('of a model whose plugin is not installed ends with 2 and the command that installs it', () => {
    const { app, silane } = installed('')
    write(app, {
      'silane.ci.json': { models: [{ model: fileURLToPath(new URL('../../../plugins/opt/fixtures/text-generation', import.meta.url)) }] },
    })
    // Where vitest was started from, packages of the workspace are found by way of it.
    const env = { ...process.env, NODE_PATH: '' }
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(silane, 'bin/silane.js'), 'matrix'], {
      cwd: app,
      env,
      encoding: 'utf8',
    })
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('npm install @silane/plugin-opt')
  })
})
