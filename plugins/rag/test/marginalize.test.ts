import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Constant, readAll, type Tensors } from '@silane/core'
import { convert, parseModelFlags, readGoldens } from 'silane'
import { describe, expect, onTestFinished, test } from 'vitest'
import { contextText, documentScores, marginalizeSequence, marginalizeTokens } from '../src/index.ts'
import { fixture } from './programs.ts'

const samplesOf = (name: string) => readGoldens(fixture(name), []).get('marginalize')?.samples ?? []

const numbers = (tensor: Constant | undefined): Float32Array => Float32Array.from(tensor ? readAll(tensor) : [], Number)

/** [documents][tokens][V] */
function rowsOf({ seq_logits }: Tensors): Float32Array[][] {
  const [documents = 0, tokens = 0, width = 0] = seq_logits?.shape ?? []
  const data = numbers(seq_logits)
  const row = (at: number) => data.subarray(at * width, (at + 1) * width)
  return Array.from({ length: documents }, (_, j) => Array.from({ length: tokens }, (_, t) => row(j * tokens + t)))
}

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < actual.length; i++) expect(Math.abs((actual[i] as number) - (expected[i] as number))).toBeLessThan(1e-4)
}

test.each(['token', 'token-t5'])('RAG-token mixes as the original does: %s', name => {
  const samples = samplesOf(name)
  expect(samples.length).toBeGreaterThan(1)
  for (const { inputs, outputs } of samples) {
    const rows = rowsOf(inputs)
    const mixed = rows[0]?.map((_, t) =>
      marginalizeTokens(
        rows.map(row => row[t] as Float32Array),
        [...numbers(inputs.doc_scores)],
      ),
    )
    near(mixed?.flatMap(row => [...row]) ?? [], numbers(outputs.log_probs))
  }
})

test('RAG-sequence scores as the original does', () => {
  const samples = samplesOf('sequence')
  expect(samples.length).toBeGreaterThan(1)
  for (const { inputs, outputs } of samples) {
    const [rows, scores, target] = [rowsOf(inputs), [...numbers(inputs.doc_scores)], [...numbers(inputs.target)]]
    near([-marginalizeSequence(rows, scores, target, { padTokenId: 1 })], numbers(outputs.nll))
    near([-marginalizeSequence(rows, scores, target, { padTokenId: 1, skipFirst: true })], numbers(outputs.nll_without_bos))
  }
})

test('validation takes a mixture for no program', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'silane-rag-'))
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }))
  const options = parseModelFlags(fixture('sequence'), ['--seq', '20', '--context', '32', '--prefill', '8'])
  const { ok, report } = await convert({ ...options, targets: ['onnx'], out: join(scratch, 'out') })
  expect(ok).toBe(true)
  expect(report.notes).toEqual(['marginalize: its golden outputs were not compared: no program gives them, a function of the plugin does'])
})

test('a mixture needs a score for every document, and scores for every token', () => {
  const row = Float32Array.of(1, 2)
  expect(() => marginalizeTokens([row, row], [1])).toThrow('1 doc scores for 2 documents')
  expect(() => marginalizeTokens([], [])).toThrow('0 documents')
  expect(() => marginalizeSequence([[row]], [1], [0, 1, 1])).toThrow('1 rows of scores for 2 tokens')
})

test('one document is mixed with nothing', () => {
  near(marginalizeTokens([Float32Array.of(0, Math.log(3))], [17]), [Math.log(0.25), Math.log(0.75)])
})

describe('what the generator reads', () => {
  const settings = { prefix: 'answer: ', title_sep: ' / ', doc_sep: ' // ' }
  test.each([
    ['Aaron', 'Aaron is a prophet', 'who?', 'answer: Aaron / Aaron is a prophet // who?'],
    ['"Aaron"', 'a  b', 'who?', 'answer: Aaron / a b // who?'],
    ['""A" b"', 'c', '   d', 'answer: "A" b / c //  d'],
  ])('%s', (title, text, question, expected) => expect(contextText({ title, text }, question, settings)).toBe(expected))
})

test('documents are compared by inner products', () => {
  expect(documentScores(Float32Array.of(1, 2), [Float32Array.of(3, 4), [-1, 0.5]])).toEqual([11, 0])
  expect(() => documentScores([1, 2], [[1]])).toThrow('document 0 has 1 elements')
})
