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

// What transformers 5 writes, whatever the model: `tie_word_embeddings` true, and what it was before as `scale_decoder_outputs`.
describe('a file with scale_decoder_outputs', () => {
  test.each([
    ['untied', { config: {}, head: 'own' }, { scaled: false, matrix: 'lm_head' }],
    ['scaled, with a head', { config: { scale_decoder_outputs: true }, head: 'own' }, { scaled: true, matrix: 'lm_head' }],
    ['tied', { config: { scale_decoder_outputs: true }, head: 'none' }, { scaled: true, matrix: 'embeddings' }],
    ['tied, the table stored twice', { config: { scale_decoder_outputs: true }, head: 'copy' }, { scaled: true, matrix: 'embeddings' }],
    ['a head that differs in its last element', { config: {}, head: 'nearly a copy' }, { scaled: false, matrix: 'lm_head' }],
    ['not scaled, without a head', { config: {}, head: 'none' }, { scaled: false, matrix: 'embeddings' }],
    ['not tied and scaled', { config: { tie_word_embeddings: false, scale_decoder_outputs: true } }, { scaled: true, matrix: 'lm_head' }],
  ] as const)('%s', async (_, change, expected) => expect(await output(change)).toEqual(expected))
})

describe('a file without: tie_word_embeddings decides both', () => {
  test.each([
    ['untied', { tie_word_embeddings: false, scale_decoder_outputs: undefined }, 'own', { scaled: false, matrix: 'lm_head' }],
    ['tied beside a head', { tie_word_embeddings: true, scale_decoder_outputs: undefined }, 'own', { scaled: true, matrix: 'embeddings' }],
    ['the default', { tie_word_embeddings: undefined, scale_decoder_outputs: undefined }, 'own', { scaled: true, matrix: 'embeddings' }],
    ['null', { tie_word_embeddings: true, scale_decoder_outputs: null }, 'own', { scaled: true, matrix: 'embeddings' }],
  ] as const)('%s', async (_, config, head, expected) => expect(await output({ config, head })).toEqual(expected))
})
