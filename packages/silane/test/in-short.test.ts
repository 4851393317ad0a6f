import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Builder } from '@silane/core'
import { writeOnnx } from '@silane/onnx'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { classifyCommand } from '../src/cli/classify-command.ts'
import { documentInShort, inShort, listInShort } from '../src/cli/in-short.ts'
import { inspectCommand } from '../src/cli/inspect-command.ts'
import { convert } from '../src/convert/convert.ts'
import { copyOf, temporary } from './workspace.ts'

const all = mkdtempSync(join(tmpdir(), 'silane-short-'))
afterAll(() => rmSync(all, { recursive: true, force: true }))

const plugins = new URL('../../../plugins/', import.meta.url).pathname
const image = join(plugins, 'sam/test/pictures/picture.png')
beforeAll(async () => {
  await convert({
    model: join(plugins, 'perceiver/fixtures/image-classification-conv'),
    targets: ['onnx'],
    out: join(all, 'pixels'),
    validate: false,
  })
})

const LONG = 'x'.repeat(1_000_000)

/** What a command prints. */
async function printed(run: () => Promise<unknown>): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  onTestFinished(() => void write.mockRestore())
  await run()
  return write.mock.calls.map(([text]) => String(text)).join('')
}

/** The folder of a conversion with a JSON file of it changed. */
function edited(file: string, edit: (json: Record<'model' | 'options' | 'id2label', Record<string, unknown>>) => void): string {
  const folder = join(temporary(), 'pixels')
  cpSync(join(all, 'pixels'), folder, { recursive: true })
  const json = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  edit(json)
  writeFileSync(join(folder, file), JSON.stringify(json))
  return folder
}

test('a text is cut and stays in its line', () => {
  expect(inShort('short')).toBe('short')
  expect(inShort('a\nb')).toBe('a\\u000ab')
  expect(inShort(LONG, 3)).toBe('xxx… (1000000 characters)')
  expect(listInShort([1, 2, 3], String, 2)).toEqual(['1', '2', '… 1 more'])
  expect(listInShort([1, 2], String, 2)).toEqual(['1', '2'])
})

test('a document is cut wherever it is long', () => {
  expect(documentInShort({ a: [1, 'b', null], c: { d: true } })).toEqual({ a: [1, 'b', null], c: { d: true } })
  const many = Array.from({ length: 2000 }, (_, i) => i)
  const short = JSON.stringify(documentInShort({ many, [LONG]: LONG, keys: Object.fromEntries(many.map(key => [`k${key}`, key])) }))
  expect(short).toContain('"… 1000 more"')
  expect(short).toContain('"…":"1000 more"')
  expect(short.length).toBeLessThan(30_000)
})

test('what inspect prints of a checkpoint is short, whatever its config.json holds', async () => {
  const model = copyOf('base')
  const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'))
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i]))
  writeFileSync(join(model, 'config.json'), JSON.stringify({ ...config, long: LONG, lines: '\n'.repeat(10_000), [LONG]: 1, ...many }))
  const text = await printed(() => inspectCommand(model, { seq: [24] }))
  expect(text).toContain('… (1000000 characters)')
  expect(text.length).toBeLessThan(50_000)
})

test('what inspect prints of a converted folder is short', async () => {
  const folder = edited('silane.json', manifest => {
    Object.assign(manifest.model, { id: LONG, task: LONG })
    Object.assign(manifest.options, { long: LONG, odd: { toString: 1 }, sizes: [1, 2] })
  })
  const text = await printed(() => inspectCommand(folder, {}))
  expect(text).toContain('odd={"toString":1} sizes=1,2')
  expect(text.length).toBeLessThan(10_000)
})

test('what inspect prints of an ONNX file is short', async () => {
  const folder = temporary()
  const b = new Builder('main')
  const inputs = Array.from({ length: 1500 }, (_, i) => b.input(`input_${i}`, 'fp32', [1]))
  const graph = b.finish({ y: b.concat({ values: inputs, axis: 0 }) })
  await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'm.onnx_data' })
  const text = await printed(() => inspectCommand(join(folder, 'm.onnx'), {}))
  expect(JSON.parse(text).inputs).toHaveLength(1001)
})

test('what classify prints of a label is short', async () => {
  const folder = edited('config.json', config => {
    for (const id of Object.keys(config.id2label)) config.id2label[id] = LONG
  })
  const text = await printed(() => classifyCommand(folder, image, {}))
  expect(text).toContain('characters)')
  expect(text.length).toBeLessThan(20_000)
})
