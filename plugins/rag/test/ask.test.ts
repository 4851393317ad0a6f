import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ask, convert, indexDocuments, parseModelFlags, searchDocuments } from 'silane'
import { afterAll, describe, expect, test } from 'vitest'
import { scratch } from './scratch.ts'

interface Case {
  readonly fixture: string
  readonly context_encoder: string
  readonly decoding: 'token' | 'sequence'
  readonly beams: number
  readonly question: string
  readonly sources: readonly { readonly id: string; readonly score: number }[]
  readonly answer: string
  readonly tokens: readonly number[]
  readonly score: number
  readonly candidates?: readonly { readonly text: string; readonly score: number }[]
}

interface Told {
  readonly documents: readonly { readonly id: string; readonly title: string; readonly text: string }[]
  readonly cases: readonly Case[]
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const tokenizers = here('fixtures/ask')
/** What transformers finds and answers (tools/goldens/answers.py). */
const { documents, cases } = JSON.parse(readFileSync(join(tokenizers, 'answers.json'), 'utf8')) as Told

const place = scratch()
afterAll(() => place.remove())

const project = here('..')
const flags = (fixture: string): string[] =>
  fixture.startsWith('context') ? ['--seq', '40'] : ['--seq', '40', '--context', '32', '--prefill', '8']

/** A fixture with tokenizers in it, converted; a folder of every kind is made once. */
const made = new Map<string, Promise<string>>()
function converted(fixture: string, more: readonly string[], change: (checkpoint: string) => void = () => {}): Promise<string> {
  const key = [fixture, ...more, change.toString()].join(' ')
  const known =
    made.get(key) ??
    (async () => {
      const [checkpoint, out] = [place.folder(), join(place.folder(), 'out')]
      cpSync(here(`../fixtures/${fixture}`), checkpoint, { recursive: true })
      const of = (name: string, to: string) => cpSync(join(tokenizers, name), join(checkpoint, to), { recursive: true })
      of('question_encoder_tokenizer', fixture.startsWith('context') ? '.' : 'question_encoder_tokenizer')
      if (!fixture.startsWith('context'))
        of(fixture === 'token-t5' ? 'generator_tokenizer_t5' : 'generator_tokenizer', 'generator_tokenizer')
      change(checkpoint)
      await convert({ ...parseModelFlags(checkpoint, [...flags(fixture), ...more]), out, validate: false, cwd: project })
      return out
    })()
  made.set(key, known)
  return known
}

const jsonl = (): string => {
  const file = join(place.folder(), 'docs.jsonl')
  writeFileSync(file, documents.map(each => JSON.stringify(each)).join('\n'))
  return file
}

async function indexed(folder: string, encoder: string, from: 'onnx' | 'coreml'): Promise<string> {
  const out = join(place.folder(), 'index.sqlite')
  const added = await indexDocuments({ folder: encoder, documents: jsonl(), out, for: folder, from, cwd: project })
  expect(added).toMatchObject({ added: documents.length, problems: [] })
  return out
}

/** Products of vectors of 32 elements, and sums of up to 20 log probabilities. */
const TOLERANCE = 1e-4

function expectAnswer(found: Awaited<ReturnType<typeof ask>>, given: Case): void {
  expect(found.sources.map(({ id }) => id)).toEqual(given.sources.map(({ id }) => id))
  for (const [at, { score }] of found.sources.entries()) expect(Math.abs(score - given.sources[at]!.score)).toBeLessThan(TOLERANCE)
  expect(found.tokens).toEqual(given.tokens)
  expect(found.answer).toBe(given.answer)
  expect(Math.abs(found.score - given.score)).toBeLessThan(TOLERANCE)
  expect(found.candidates?.map(({ text }) => text)).toEqual(given.candidates?.map(({ text }) => text))
  expect(found.source).toBeNull()
}

const kinds = [...new Set(cases.map(({ fixture, decoding }) => `${fixture} ${decoding}`))].map(kind => kind.split(' ') as [string, 'token'])

describe.each(['onnx', 'coreml'] as const)('from %s', from => {
  test.each(kinds)('what transformers finds and answers: fixture %s as RAG-%s, greedily and with beams', async (fixture, decoding) => {
    const target = ['--target', from, '--precision', 'fp32']
    const own = cases.filter(each => each.fixture === fixture && each.decoding === decoding)
    const folder = await converted(fixture, [...target, '--option', `decoding=${decoding}`])
    const index = await indexed(folder, await converted(own[0]!.context_encoder, target), from)
    const [{ question: query, sources }] = own as [Case]
    const { hits } = await searchDocuments({ folder, index, query, count: sources.length, from, cwd: project })
    expect(hits.map(({ id }) => id)).toEqual(sources.map(({ id }) => id))
    expect(new Set(own.map(({ beams }) => beams))).toEqual(new Set([1, 3]))
    for (const given of own) {
      const { question, beams } = given
      expectAnswer(await ask({ folder, index, question, beams, from, cwd: project }), given)
    }
  })
})

test('packages in half precision find and answer the same, and nearly as well', async () => {
  const [given] = cases as [Case]
  const target = ['--target', 'coreml']
  const folder = await converted(given.fixture, target)
  const index = await indexed(folder, await converted(given.context_encoder, target), 'coreml')
  const { sources, tokens, score } = await ask({ folder, index, question: given.question, from: 'coreml', cwd: project })
  expect(sources.map(({ id }) => id)).toEqual(given.sources.map(({ id }) => id))
  expect(tokens).toEqual(given.tokens)
  expect(Math.abs(score - given.score)).toBeLessThan(0.1)
})

test('beams and the number of passages are the checkpoint’s where nobody says them', async () => {
  const given = cases.find(each => each.fixture === 'token' && each.decoding === 'token' && each.beams === 3)!
  const folder = await converted('token', ['--target', 'onnx'], checkpoint => {
    const file = join(checkpoint, 'generation_config.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), num_beams: 3 }))
  })
  const index = await indexed(folder, await converted(given.context_encoder, ['--target', 'onnx']), 'onnx')
  expectAnswer(await ask({ folder, index, question: given.question, cwd: project }), given)
  const { sources } = await ask({ folder, index, question: given.question, count: 5, maxNewTokens: 2, cwd: project })
  expect(sources).toHaveLength(5)
})

test('an index that was made for another model is refused, and so is a folder that the plugin of is not there', async () => {
  const folder = await converted('token', ['--target', 'onnx'])
  const other = await converted('sequence', ['--target', 'onnx'])
  const index = await indexed(other, await converted('context-encoder', ['--target', 'onnx']), 'onnx')
  await expect(ask({ folder, index, question: 'What?', cwd: project })).rejects.toMatchObject({ code: 'E_INDEX_MODEL' })
  await expect(ask({ folder: other, index, question: ' ', cwd: project })).rejects.toMatchObject({ code: 'E_USAGE' })
  const elsewhere = { folder: other, index, question: 'What?', plugins: [here('../../bert')], cwd: project }
  await expect(ask(elsewhere)).rejects.toMatchObject({
    code: 'E_PLUGIN_NEEDED',
    message: expect.stringMatching(/(npm install|pnpm add) @silane\/plugin-rag/),
  })
})
