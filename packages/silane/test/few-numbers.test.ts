import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { convert } from '../src/index.ts'
import { copyOf } from './workspace.ts'

const plugin = fileURLToPath(new URL('../../../plugins/bert', import.meta.url))

type Change = (values: Float32Array) => void

/** Changes the elements of one fp32 tensor of a safetensors file in place. */
function change(file: string, tensor: string, elements: Change): void {
  const bytes = readFileSync(file)
  const header = Number(bytes.readBigUInt64LE(0))
  const { [tensor]: entry } = JSON.parse(bytes.toString('utf8', 8, 8 + header))
  const [begin, end] = entry.data_offsets.map((at: number) => 8 + header + at)
  const values = new Float32Array(Uint8Array.from(bytes.subarray(begin, end)).buffer)
  elements(values)
  bytes.set(new Uint8Array(values.buffer), begin)
  writeFileSync(file, bytes)
}

const onePercent: Change = values => {
  for (const [at, value] of values.entries()) values[at] = value * 1.01
}

/** The first two of three labels trade places. */
const swapped: Change = values => {
  const width = values.length / 3
  const first = values.slice(0, width)
  values.copyWithin(0, width, 2 * width)
  values.set(first, width)
}

/** How the conversion of a classifier ends after changes to its tensors, and which pairs miss. */
async function end(fixture: string, seq: number, changes: Readonly<Record<string, Change>>) {
  const model = copyOf(fixture)
  for (const [tensor, elements] of Object.entries(changes)) change(join(model, 'model.safetensors'), tensor, elements)
  const { ok, comparisons } = await convert({ model, plugins: [plugin], seq: [seq], out: join(model, 'out') })
  return { ok, missed: comparisons.filter(comparison => !comparison.ok).map(({ line, expected }) => `${line}, ${expected}`) }
}

describe('a classifier that gives one number, or three', () => {
  test.each([
    ['reranker-one-label', 16],
    ['text-classification', 24],
  ])('passes where it is right: %s', async (fixture, seq) => {
    expect(await end(fixture, seq, {})).toEqual({ ok: true, missed: [] })
  })

  test.each<[string, string, number, Readonly<Record<string, Change>>]>([
    ['a bias 1 % too large', 'reranker-one-label', 16, { 'classifier.bias': onePercent }],
    ['biases of the pooler 1 % too large', 'reranker-one-label', 16, { 'bert.pooler.dense.bias': onePercent }],
    ['biases 1 % too large', 'text-classification', 24, { 'classifier.bias': onePercent }],
    ['swapped labels', 'text-classification', 24, { 'classifier.weight': swapped, 'classifier.bias': swapped }],
  ])('misses the gate with %s: %s', async (_, fixture, seq, changes) => {
    // The graph is another one than the original's; what is made of it is faithful.
    expect(await end(fixture, seq, changes)).toEqual({ ok: false, missed: ['original, original', 'onnx, original'] })
  })
})
