import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
import { uncheckedParts } from '../src/tokenizers/checked-parts.ts'
import { buildCase, sources } from './tokenizer-goldens.ts'
import { fixture, temporary } from './workspace.ts'

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const readFile = (file: string) => JSON.parse(readFileSync(file, 'utf8'))

/** Words by an expression that was not tried. */
const pre_tokenizer = { type: 'Split', pattern: { Regex: '[a-z]+' }, behavior: 'Removed', invert: true }
const note = `tokenizer.json: ids may differ from transformers': Split of its pre_tokenizer has "pattern" {"Regex":"[a-z]+"}: not checked`

/** A checkpoint with such a tokenizer, converted. */
async function convertWith(checkpoint: string, tokenizer: object | string, options: object = {}) {
  const place = temporary()
  const [model, out] = [join(place, 'checkpoint'), join(place, 'out')]
  cpSync(checkpoint, model, { recursive: true })
  writeFileSync(join(model, 'tokenizer.json'), typeof tokenizer === 'string' ? tokenizer : JSON.stringify(tokenizer))
  const { report } = await convert({ model, out, targets: ['onnx'], validate: false, ...options })
  return { place, out, report }
}

test('a tokenizer that was not checked is said where it is copied and where it makes vectors', async () => {
  const checkpoint = fixture('sentence-transformers')
  const tokenizer = { ...readFile(join(checkpoint, 'tokenizer.json')), pre_tokenizer }
  const { place, out, report } = await convertWith(checkpoint, tokenizer, { seq: [24] })
  expect(report.notes).toContain(note)
  const [documents, index] = [join(place, 'documents.jsonl'), join(place, 'index.sqlite')]
  writeFileSync(documents, JSON.stringify({ id: 'a', text: 'the cat sat' }))
  for (const words of [
    ['index', out, '--documents', documents, '--out', index],
    ['search', out, '--index', index, '--query', 'a cat'],
  ]) {
    const streams = [process.stdout, process.stderr].map(stream => vi.spyOn(stream, 'write').mockImplementation(() => true))
    try {
      expect(await main(words)).toBe(0)
      expect(streams[1]?.mock.calls.map(([text]) => String(text)).join('')).toContain(`note: ${note}`)
    } finally {
      for (const stream of streams) stream.mockRestore()
    }
  }
})

test('and where it reads a prompt', async () => {
  const model = { type: 'WordLevel', unk_token: 'a', vocab: { a: 1, b: 2 } }
  const tokenizer = { added_tokens: [], normalizer: null, pre_tokenizer, post_processor: null, decoder: null, model }
  const { out } = await convertWith(join(plugins, 'gpt2/fixtures/text-generation'), tokenizer, { plugins: [join(plugins, 'gpt2')] })
  expect((await generate({ folder: out, text: 'b', maxNewTokens: 1 })).notes).toContain(note)
  expect((await generate({ folder: out, ids: [2], maxNewTokens: 1 })).notes).not.toContain(note)
})

test('one that cannot be read is said, and stops no conversion', async () => {
  const { report } = await convertWith(fixture('base'), '{"model":')
  expect(report.notes).toContainEqual(expect.stringMatching(/^tokenizer\.json: .*JSON/))
})

test('tokenizers of the fixtures are checked ones, and those that silane makes', async () => {
  const files = globSync('*/{fixtures,test/fixtures}/**/tokenizer.json', { cwd: plugins })
  expect(files.length).toBeGreaterThan(30)
  for (const file of files) expect(uncheckedParts(readFile(join(plugins, file))), file).toBeUndefined()
  for (const name of Object.keys(sources)) {
    const { folder, within } = await buildCase(name, temporary())
    expect(uncheckedParts(readFile(join(folder, within, 'tokenizer.json'))), name).toBeUndefined()
  }
})
