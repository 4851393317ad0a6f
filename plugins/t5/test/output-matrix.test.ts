import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import { arrayConstant, type Checkpoint, constantOf, type Json, operand, readAll } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import t5 from '../src/index.ts'

const fixture = fileURLToPath(new URL('../fixtures/version-5', import.meta.url))

interface Change {
  /** Keys of config.json, undefined as in a file without one. */
  readonly config?: Readonly<Record<string, Json | undefined>>
  /** What the file holds as `lm_head.weight`: its own matrix, none, or a copy of the embeddings. */
  readonly head?: 'own' | 'none' | 'copy' | 'nearly a copy'
}

/** What the decoder multiplies by its output matrix and which matrix that is, with a change to a v1.1 model that transformers 5 saved. */
async function output({ config = {}, head = 'own' }: Change) {
  const base = await openCheckpoint(fixture)
  onTestFinished(() => base.close())
  const embeddings = base.tensor('shared.weight')!
  const copied = Float32Array.from(readAll(embeddings), Number)
  if (head === 'nearly a copy') copied[copied.length - 1]! += 1
  const stored = { own: base.tensor('lm_head.weight'), none: undefined }
  const lmHead = head === 'own' || head === 'none' ? stored[head] : arrayConstant('fp32', embeddings.shape, copied)
  const changed = Object.entries({ ...base.config, ...config }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  )
  const checkpoint: Checkpoint = {
    ...base,
    config: Object.fromEntries(changed),
    tensor: name => (name === 'lm_head.weight' ? lmHead : base.tensor(name)),
  }
  const { programs } = await t5.load({
    checkpoint,
    architecture: 'T5ForConditionalGeneration',
    task: 'text2text-generation',
    options: { seq: [16], batch: 1, 'truncate-dim': undefined, context: 32, prefill: 8, kv: 'io' },
  })
  const step = programs.flatMap(({ functions }) => functions).find(({ name }) => name === 'step')!
  const product = step.outputs.find(({ name }) => name === 'logits')!.value.producer!
  expect(product.kind).toBe('linear')
  const before = operand(product, 'x').producer!
  const factor = before.kind === 'mul' ? Number(readAll(constantOf(operand(before, 'y'))!)[0]) : 1
  const matrix = constantOf(operand(product, 'weight'))!.id
  return {
    scaled: Math.abs(factor - 32 ** -0.5) < 1e-6,
    matrix: matrix === embeddings.id ? 'embeddings' : matrix === lmHead?.id ? 'lm_head' : matrix,
  }
}

/**
 * What transformers 5.24 computes with the file of the fixture, its own head in it or taken out, under every pair of the two keys:
 * [tie_word_embeddings, scale_decoder_outputs, head, scaled, matrix]. Version 4.57 knows only the first key: where it ties, it puts the
 * embeddings in the place of a head that differs, and where it does not, it makes a missing head of random numbers.
 */
type Row = readonly [
  tie: boolean | undefined,
  scale: boolean | undefined,
  head: 'own' | 'none',
  scaled: boolean,
  matrix: 'lm_head' | 'embeddings',
]

const keys = (tie: boolean | undefined, scale: boolean | undefined) => ({ tie_word_embeddings: tie, scale_decoder_outputs: scale })

// UMT5 has the same rules, and a bias per layer, which the file lacks.
describe('T5', () => {
  const rows: readonly Row[] = [
    [true, true, 'own', true, 'lm_head'],
    [true, true, 'none', true, 'embeddings'],
    [true, false, 'own', false, 'lm_head'],
    [true, false, 'none', false, 'embeddings'],
    [true, undefined, 'own', true, 'lm_head'],
    [true, undefined, 'none', true, 'embeddings'],
    [false, true, 'own', true, 'lm_head'],
    [false, true, 'none', true, 'embeddings'],
    [false, false, 'own', false, 'lm_head'],
    [false, false, 'none', false, 'embeddings'],
    [false, undefined, 'own', false, 'lm_head'],
    [false, undefined, 'none', false, 'embeddings'],
    [undefined, true, 'own', true, 'lm_head'],
    [undefined, true, 'none', true, 'embeddings'],
    [undefined, false, 'own', false, 'lm_head'],
    [undefined, false, 'none', false, 'embeddings'],
    [undefined, undefined, 'own', true, 'lm_head'],
    [undefined, undefined, 'none', true, 'embeddings'],
  ]
  test.each(rows)('tie %s, scale %s, head %s', async (tie, scale, head, scaled, matrix) =>
    expect(await output({ config: keys(tie, scale), head })).toEqual({ scaled, matrix }),
  )
})

describe('mT5 is never scaled', () => {
  const rows: readonly Row[] = [
    [true, true, 'own', false, 'lm_head'],
    [true, true, 'none', false, 'embeddings'],
    [true, false, 'own', false, 'lm_head'],
    [true, false, 'none', false, 'embeddings'],
    [true, undefined, 'own', false, 'lm_head'],
    [true, undefined, 'none', false, 'embeddings'],
    [false, true, 'own', false, 'lm_head'],
    [false, true, 'none', false, 'embeddings'],
    [false, false, 'own', false, 'lm_head'],
    [false, false, 'none', false, 'embeddings'],
    [false, undefined, 'own', false, 'lm_head'],
    [false, undefined, 'none', false, 'embeddings'],
    [undefined, true, 'own', false, 'lm_head'],
    [undefined, true, 'none', false, 'embeddings'],
    [undefined, false, 'own', false, 'lm_head'],
    [undefined, false, 'none', false, 'embeddings'],
    [undefined, undefined, 'own', false, 'lm_head'],
    [undefined, undefined, 'none', false, 'embeddings'],
  ]
  test.each(rows)('tie %s, scale %s, head %s', async (tie, scale, head, scaled, matrix) =>
    expect(await output({ config: { model_type: 'mt5', ...keys(tie, scale) }, head })).toEqual({ scaled, matrix }),
  )
})

test('a table that is stored twice is written once', async () => {
  expect(await output({ config: keys(true, true), head: 'copy' })).toEqual({ scaled: true, matrix: 'embeddings' })
})

test('a head that differs in its last element is one', async () => {
  expect(await output({ config: {}, head: 'nearly a copy' })).toEqual({ scaled: false, matrix: 'lm_head' })
})
