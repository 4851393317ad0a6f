import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { goldens, readGolden, texts } from './tokenizer-goldens.ts'
import { temporary } from './workspace.ts'

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))

/** A checkpoint of a plugin with the files of a golden tokenizer in place of its own, converted. */
async function convertWith(fixture: string, cases: Readonly<Record<string, string>>, rest: Readonly<Record<string, unknown>> = {}) {
  const [model, out] = [join(temporary(), 'checkpoint'), join(temporary(), 'out')]
  cpSync(join(plugins, fixture.replace('/', '/fixtures/')), model, { recursive: true })
  for (const file of readdirSync(model)) {
    if (/^(?:tokenizer|vocab|special_tokens_map|added_tokens|merges|golden)/.test(file)) rmSync(join(model, file))
  }
  for (const [folder, name] of Object.entries(cases)) cpSync(join(goldens, name), join(model, folder), { recursive: true })
  const plugin = join(plugins, fixture.split('/')[0] ?? '')
  const { report } = await convert({ model, out, targets: ['onnx'], validate: false, plugins: [plugin], ...rest })
  return { out, report }
}

test.each<[string, string, Readonly<Record<string, unknown>>?]>([
  ['bert/base', 'bert-uncased'],
  ['distilbert/base', 'distilbert'],
  ['mosaicbert/base', 'bert-cased'],
  ['unirel/span', 'bert-cased'],
  ['realm/embedder', 'realm'],
  ['rag/question-encoder', 'rag/question_encoder_tokenizer'],
  ['blip/image-to-text', 'bert-added'],
  ['blip2/image-text-retrieval', 'bert-uncased'],
  ['blip2/opt', 'opt'],
  ['roberta/base', 'roberta'],
  ['graphcodebert/plain', 'roberta-prefix'],
  ['gpt2/text-generation', 'gpt2-prefix'],
  ['gpt2/text-classification', 'gpt2'],
  ['bart/text2text', 'bart'],
  ['opt/text-generation', 'opt'],
  ['opt/feature-extraction', 'opt'],
  ['perceiver/fill-mask', 'perceiver'],
])('%s converts with the tokenizer of %s', async (fixture, name) => {
  const { out } = await convertWith(fixture, { '': name })
  const tokenizer = await openTokenizer(out)
  const { ids } = readGolden(name)
  expect(texts.map(text => tokenizer?.encode(text).ids)).toEqual(ids)
})

test('a model of two has two tokenizers', async () => {
  const { out } = await convertWith('rag/token', { '': 'rag' })
  for (const within of ['question_encoder_tokenizer', 'generator_tokenizer']) {
    const tokenizer = await openTokenizer(out, within)
    const { ids } = readGolden(`rag/${within}`)
    expect(texts.map(text => tokenizer?.encode(text).ids)).toEqual(ids)
  }
  expect(existsSync(join(out, 'tokenizer.json'))).toBe(false)
  expect(await openTokenizer(out)).toBeUndefined()
})

test('another tokenizer is named in the report', async () => {
  const { out, report } = await convertWith('roberta/base', { '': 'opt' })
  expect(existsSync(join(out, 'tokenizer.json'))).toBe(false)
  expect(report.notes).toContainEqual(expect.stringContaining('tokenizer_config.json names a GPT2Tokenizer'))
})

test('of SentencePiece alone no tokenizer is made, and whoever needs one is told what to do', async () => {
  const { out } = await convertWith('t5/text2text', {})
  writeFileSync(join(out, 'spiece.model'), 'pieces')
  await expect(generate({ folder: out, text: 'a' })).rejects.toMatchObject({
    code: 'E_NO_TOKENIZER',
    message: expect.stringMatching(/none is made of spiece\.model[\s\S]*save_pretrained/),
  })
})

test('a tokenizer.json that its settings overrule is written as transformers has it, and the report says so', async () => {
  const overruled = fileURLToPath(new URL('../fixtures/overruled/bert-lower', import.meta.url))
  const [model, out] = [join(temporary(), 'checkpoint'), join(temporary(), 'out')]
  cpSync(join(plugins, 'bert/fixtures/base'), model, { recursive: true })
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) cpSync(join(overruled, file), join(model, file))
  const { report } = await convert({ model, out, targets: ['onnx'], validate: false, plugins: [join(plugins, 'bert')] })
  expect(report.notes).toContainEqual(
    expect.stringMatching(/^tokenizer\.json was changed .*do_lower_case is true by tokenizer_config\.json/),
  )
  const golden = JSON.parse(readFileSync(join(overruled, 'golden.json'), 'utf8'))
  const tokenizer = await openTokenizer(out)
  expect(golden.texts.map((at: number) => tokenizer?.encode(texts[at] ?? '').ids)).toEqual(golden.ids)
  expect(readFileSync(join(out, 'tokenizer_config.json'))).toEqual(readFileSync(join(model, 'tokenizer_config.json')))
})
