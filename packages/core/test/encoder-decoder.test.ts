import { expect, test } from 'vitest'
import { type Checkpoint, computedConstant, type EncoderDecoder, encoderDecoder, stackLayers } from '../src/index.ts'

const [C, V] = [4, 7]
const matrix = (id: string, rows: number, columns: number) => computedConstant('fp32', [rows, columns], id, at => at / 10)

/** One layer of attention on either side, as plain as it gets. */
const model: EncoderDecoder = {
  vocabulary: V,
  positions: 40,
  layers: 1,
  channels: C,
  encode: (b, inputIds, key_mask) => {
    const x = b.gather({ x: b.constant(matrix('table', V, C)), indices: inputIds, axis: 0 })
    return b.attention({ query: x, key: x, value: x, key_mask, heads: 1, scale: 1 })
  },
  crossed: (b, encoded) => ({ cross_key: stackLayers(b, [encoded]), cross_value: stackLayers(b, [encoded]) }),
  embed: (b, tokens) => b.gather({ x: b.constant(matrix('table', V, C)), indices: tokens, axis: 0 }),
  layer: (b, x, layer, attention) => {
    const y = attention.self(layer, { query: x, key: x, value: x, heads: 1, scale: 1 })
    return b.add({ x: y, y: attention.cross(layer, { query: y, heads: 1, scale: 1 }) })
  },
  logits: (b, x) => b.linear({ x, weight: b.constant(matrix('table', V, C)) }),
}

const none = (): undefined => undefined
const checkpoint: Checkpoint = {
  location: 'here',
  id: 'here',
  revision: null,
  config: {},
  files: [],
  has: () => false,
  json: none,
  path: file => file,
  folder: () => checkpoint,
  sentenceModules: none,
  sentenceSettings: none,
  tokenLimit: none,
  imageProcessor: none,
  tensorNames: [],
  tensor: none,
}
const build = (seq: readonly number[] | undefined, positions = model.positions) =>
  encoderDecoder({ checkpoint, options: { seq, context: 32, prefill: 8, kv: 'io' } }, { ...model, positions })

test('an encoder and a decoder that attends to it, with the steps between them', () => {
  const { programs, steps, options, seq } = build([12])
  expect(programs.map(({ name, functions }) => [name, functions.map(fn => fn.name)])).toEqual([
    ['encoder', ['main']],
    ['decoder', ['prefill', 'step']],
  ])
  const [encoder, decoder] = programs.map(({ functions }) => functions[0])
  const shapes = (ports: readonly { name: string; type: { shape: readonly number[] } }[] | undefined) =>
    Object.fromEntries(ports?.map(({ name, type }) => [name, type.shape]) ?? [])
  expect(shapes(encoder?.inputs)).toEqual({ input_ids: [1, 12], attention_mask: [1, 12] })
  expect(encoder?.outputs.map(({ name }) => name)).toEqual(['last_hidden_state', 'cross_key', 'cross_value'])
  expect(shapes(decoder?.inputs)).toMatchObject({ input_ids: [1, 8], cross_key: [1, C, 1, 12], encoder_attention_mask: [1, 12] })
  expect(steps).toEqual([
    {
      call: 'encoder',
      feeds: { input_ids: 'encoder_input_ids', attention_mask: 'encoder_attention_mask' },
      gives: { cross_key: 'cross_key', cross_value: 'cross_value' },
    },
    {
      decode: ['decoder'],
      entry: 'input_ids',
      feeds: { cross_key: 'cross_key', cross_value: 'cross_value', encoder_attention_mask: 'encoder_attention_mask' },
    },
  ])
  expect([seq, options]).toEqual([12, { seq: 12, context: 32, prefill: 8, kv: 'io' }])
})

test('both are held against the positions, where there are any', () => {
  expect(() => build([41])).toThrow(expect.objectContaining({ code: 'E_OPTION' }))
  expect(() => build([8], 16)).toThrow(expect.objectContaining({ code: 'E_UNSUPPORTED' }))
  expect(build([41], Number.POSITIVE_INFINITY).seq).toBe(41)
  expect(build(undefined).seq).toBe(40)
})
