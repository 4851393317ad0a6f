import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ask, convert, indexDocuments, parseModelFlags } from 'silane'
import { afterAll, expect, test } from 'vitest'

interface Told {
  readonly documents: readonly { readonly id: string; readonly text: string }[]
  readonly cases: readonly {
    readonly question: string
    readonly sources: readonly { readonly id: string; readonly score: number }[]
    readonly answer: string
    readonly tokens: readonly number[]
    readonly score: number
    readonly passage: string
  }[]
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
/** What transformers finds and answers (tools/goldens/answers.py). */
const { documents, cases } = JSON.parse(readFileSync(here('fixtures/ask/answers.json'), 'utf8')) as Told
const project = here('..')
const scratch = mkdtempSync(join(tmpdir(), 'silane-realm-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function converted(name: string, flags: readonly string[]): Promise<string> {
  const [checkpoint, out] = [join(scratch, `${name}-checkpoint`), join(scratch, name)]
  cpSync(here('../fixtures/open-qa'), checkpoint, { recursive: true })
  cpSync(here('fixtures/ask/tokenizer'), checkpoint, { recursive: true })
  await convert({ ...parseModelFlags(checkpoint, ['--seq', '40', ...flags]), out, validate: false, cwd: project })
  return out
}

async function indexed(folder: string, from: 'onnx' | 'coreml', some = documents): Promise<string> {
  const [file, out] = [join(scratch, `${from}-${some.length}.jsonl`), join(scratch, `${from}-${some.length}.sqlite`)]
  writeFileSync(file, some.map(each => JSON.stringify(each)).join('\n'))
  await indexDocuments({ folder, documents: file, out, from, cwd: project })
  return out
}

test.each(['onnx', 'coreml'] as const)('what transformers finds and reads, from %s', async from => {
  const folder = await converted(from, ['--target', from, '--precision', 'fp32'])
  const index = await indexed(folder, from)
  for (const given of cases) {
    const found = await ask({ folder, index, question: given.question, from, cwd: project })
    expect(found.sources.map(({ id }) => id)).toEqual(given.sources.map(({ id }) => id))
    for (const [at, { score }] of found.sources.entries()) expect(Math.abs(score - given.sources[at]!.score)).toBeLessThan(1e-4)
    expect(found.tokens).toEqual(given.tokens)
    expect(found.answer).toBe(given.answer)
    expect(Math.abs(found.score - given.score)).toBeLessThan(1e-4)
    expect(found.sources[found.source ?? -1]?.id).toBe(given.passage)
  }
})

test('fewer passages than the reader reads: what is not there has no answer', async () => {
  const folder = await converted('few', ['--target', 'onnx'])
  const given = cases.at(-1)!
  const one = documents.filter(({ id }) => id === given.passage)
  const found = await ask({ folder, index: await indexed(folder, 'onnx', one), question: given.question, cwd: project })
  // The best span of this passage was the best of all; alone it is no other.
  expect(found).toMatchObject({ answer: given.answer, source: 0 })
  expect(Math.abs(found.score - given.score)).toBeLessThan(1e-4)
  const { sources } = await ask({ folder, index: await indexed(folder, 'onnx'), question: given.question, count: 2, cwd: project })
  expect(sources).toHaveLength(2)
  await expect(
    ask({ folder, index: await indexed(folder, 'onnx'), question: given.question, count: 4, cwd: project }),
  ).rejects.toMatchObject({ code: 'E_USAGE' })
})

test('a silane.json that asks for tables of gigabytes is refused', async () => {
  const folder = await converted('vast', ['--target', 'onnx'])
  const index = await indexed(folder, 'onnx')
  const file = join(folder, 'silane.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  for (const [reader_beam_size, seq, field] of [
    [4000, 100_000, 'reader_beam_size'],
    [1e9, 40, 'reader_beam_size'],
    [3, 1e9, 'seq'],
  ] as const) {
    const { pipeline, options } = manifest
    writeFileSync(file, JSON.stringify({ ...manifest, options: { ...options, seq }, pipeline: { ...pipeline, reader_beam_size } }))
    await expect(ask({ folder, index, question: cases[0]!.question, cwd: project })).rejects.toMatchObject({
      code: 'E_CONFIG',
      what: expect.stringContaining(field),
    })
  }
})
