import {
  activate,
  type Builder,
  type Constant,
  type DecoderAttention,
  type EncoderDecoder,
  embedding,
  project as linear,
  scaleConstant,
  stackLayers,
  type TiedNames,
  type Value,
  type Weights,
} from '@silane/core'
import type { T5Config } from './config.ts'
import { type Buckets, sequenceBias, slotBias } from './relative-bias.ts'
import { streamScale } from './stream-scale.ts'

export { readT5Config, type T5Config } from './config.ts'

/**
 * The encoder and the decoder of Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
 * Transformer" (2020), as transformers' `modeling_t5.py` computes them. Shapes: S tokens, C = d_model, I = heads · d_kv.
 */

/** The configuration and what the residual stream is multiplied by (see `streamScale`). */
export type T5Model = T5Config & { readonly stream: number }

/** The configuration for these weights. */
export const t5Model = (w: Weights, config: T5Config): T5Model => ({ ...config, stream: streamScale(table(w, config, 'shared')) })

/** A feed-forward layer's inner values times this, its output matrix divided by it: exact through ReLU and through the linear half of a gate. */
const INNER = 2 ** -3

const norm = (b: Builder, x: Value, w: Weights, { layer_norm_epsilon, stream }: T5Model): Value =>
  b.in(w.path, () =>
    b.rms_norm({ x, gamma: b.constant(w.tensor('weight', [x.type.shape.at(-1) as number])), epsilon: layer_norm_epsilon * stream ** 2 }),
  )

/** x·Wᵀ, W times `factor`; T5 has no biases. */
const project = (b: Builder, x: Value, w: Weights, out: number, factor = 1): Value =>
  b.in(w.path, () => b.linear({ x, weight: b.constant(scaleConstant(w.tensor('weight', [out, x.type.shape.at(-1) as number]), factor)) }))

function feedForward(b: Builder, x: Value, w: Weights, config: T5Model): Value {
  const { d_ff, d_model, activation, gated, stream } = config
  return b.in(w.path, () => {
    if (gated) {
      const gate = activate(b, activation, project(b, x, w.at('wi_0'), d_ff))
      const inner = b.mul({ x: gate, y: project(b, x, w.at('wi_1'), d_ff, INNER) })
      return project(b, inner, w.at('wo'), d_model, stream / INNER)
    }
    const factor = activation === 'relu' ? INNER : 1
    const inner = activate(b, activation, project(b, x, w.at('wi'), d_ff, factor))
    return project(b, inner, w.at('wo'), d_model, stream / factor)
  })
}

interface Projected {
  readonly query: Value
  readonly key: Value
  readonly value: Value
}

const projected = (b: Builder, x: Value, w: Weights, { inner }: T5Config): Projected => ({
  query: project(b, x, w.at('q'), inner),
  key: project(b, x, w.at('k'), inner),
  value: project(b, x, w.at('v'), inner),
})

/** The bias table of a layer. That of block 0 serves every layer of the stack, unless each has its own. */
const bucketsOf = (stack: Weights, layer: number, config: T5Model, bidirectional: boolean): Buckets => {
  const { relative_attention_num_buckets: count, relative_attention_max_distance: maxDistance, num_heads, bias_per_layer } = config
  const at = stack
    .at('block')
    .at(bias_per_layer ? layer : 0)
    .at('layer.0.SelfAttention.relative_attention_bias')
  return { table: at.tensor('weight', [count, num_heads]), count, maxDistance, bidirectional }
}

/** One table under up to four names: an output matrix that differs is in the file as `lm_head`, whatever the configuration says. */
export const tied: readonly TiedNames[] = [
  ['shared.weight', 'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'lm_head.weight'],
]

const table = (w: Weights, { vocab_size, d_model }: T5Config, name: string): Constant => w.tensor(`${name}.weight`, [vocab_size, d_model])

/** The output matrix [V, C]. */
export const vocabulary = (w: Weights, config: T5Config): Constant => table(w, config, 'lm_head')

/** Token embeddings of one of the stacks. int32 [B, S] → [B, S, C] */
export const embedWords = (b: Builder, inputIds: Value, stack: Weights, { vocab_size, d_model }: T5Config): Value =>
  embedding(b, inputIds, stack.at('embed_tokens'), vocab_size, d_model)

/** Where the residual stream starts: vectors [B, S, C], scaled as it is. */
const streamed = (b: Builder, x: Value, { stream }: T5Model): Value => b.mul({ x, y: b.scalar(stream, x) })

/** The decoder's token embeddings, scaled like the stream. [1, S, C] */
export const embed = (b: Builder, inputIds: Value, w: Weights, config: T5Model): Value =>
  streamed(b, embedWords(b, inputIds, w.at('decoder'), config), config)

/** Last hidden states of the encoder. inputIds, attentionMask int32 [B, S] → [B, S, C] */
export const encode = (b: Builder, inputIds: Value, attentionMask: Value, w: Weights, config: T5Model): Value =>
  encodeVectors(b, embedWords(b, inputIds, w.at('encoder'), config), attentionMask, w, config)

/** The same of vectors in place of ids: token embeddings, or what stands among them. [B, S, C] → [B, S, C] */
export function encodeVectors(b: Builder, vectors: Value, attentionMask: Value, w: Weights, config: T5Model): Value {
  const stack = w.at('encoder')
  let x = streamed(b, vectors, config)
  for (let i = 0; i < config.num_layers; i++) {
    const block = stack.at('block').at(i).at('layer')
    const bias = b.in(stack.path, () => b.constant(sequenceBias(bucketsOf(stack, i, config, true), vectors.type.shape[1] as number)))
    const attended = b.in(block.at(0).path, () => {
      const heads = projected(b, norm(b, x, block.at('0.layer_norm'), config), block.at('0.SelfAttention'), config)
      return b.attention({ ...heads, key_mask: attentionMask, bias, heads: config.num_heads, scale: 1 })
    })
    x = b.add({ x, y: project(b, attended, block.at('0.SelfAttention.o'), config.d_model, config.stream) })
    x = b.add({ x, y: feedForward(b, norm(b, x, block.at('1.layer_norm'), config), block.at('1.DenseReluDense'), config) })
  }
  return norm(b, x, stack.at('final_layer_norm'), config)
}

/** The cross-attention keys and values of every decoder layer, stacked. encoded [1, S, C] → two [L, I, 1, S] */
export const crossProjections = (b: Builder, encoded: Value, w: Weights, config: T5Model): { cross_key: Value; cross_value: Value } => {
  const ofLayers = (name: string): Value =>
    stackLayers(
      b,
      Array.from({ length: config.num_decoder_layers }, (_, layer) =>
        project(b, encoded, w.at('decoder.block').at(layer).at('layer.1.EncDecAttention').at(name), config.inner),
      ),
    )
  return { cross_key: ofLayers('k'), cross_value: ofLayers('v') }
}

/** Where the decoder's new tokens stand, and how many slots the cache has. */
interface Places {
  /** int32 [1, S] */
  readonly positions: Value
  readonly slots: number
}

/** The decoder layer with this number. [1, S, C] → [1, S, C] */
export function decode(
  b: Builder,
  start: Value,
  layer: number,
  attention: DecoderAttention,
  places: Places,
  w: Weights,
  config: T5Model,
): Value {
  const stack = w.at('decoder')
  const block = stack.at('block').at(layer).at('layer')
  const shape = { heads: config.num_heads, scale: 1 }
  const self = b.in(block.at(0).path, () => {
    const heads = projected(b, norm(b, start, block.at('0.layer_norm'), config), block.at('0.SelfAttention'), config)
    return attention.self(layer, { ...heads, ...shape, ...decoderBias(b, start.type.shape[1] as number, layer, places, stack, config) })
  })
  let x = b.add({ x: start, y: project(b, self, block.at('0.SelfAttention.o'), config.d_model, config.stream) })
  const crossed = b.in(block.at(1).path, () => {
    const query = project(b, norm(b, x, block.at('1.layer_norm'), config), block.at('1.EncDecAttention.q'), config.inner)
    return attention.cross(layer, { query, ...shape })
  })
  x = b.add({ x, y: project(b, crossed, block.at('1.EncDecAttention.o'), config.d_model, config.stream) })
  return b.add({ x, y: feedForward(b, norm(b, x, block.at('2.layer_norm'), config), block.at('2.DenseReluDense'), config) })
}

/** The bias of new tokens to each other, and to the slots of the cache: the same values for all layers that share a table. */
const decoderBias = (b: Builder, tokens: number, layer: number, { positions, slots }: Places, stack: Weights, config: T5Model) =>
  b.in(stack.path, () => {
    const buckets = bucketsOf(stack, layer, config, false)
    return {
      bias: b.constant(sequenceBias(buckets, tokens)),
      // [1, S, heads, slots] → [1, heads, S, slots]
      cacheBias: b.transpose({ x: b.gather({ x: b.constant(slotBias(buckets, slots)), indices: positions, axis: 0 }), perm: [0, 2, 1, 3] }),
    }
  })

/** The decoder's last norm, and where the configuration says so the D^−½ that makes up for embeddings trained as an output matrix. */
export function finish(b: Builder, x: Value, w: Weights, config: T5Model): Value {
  const normal = norm(b, x, w.at('decoder.final_layer_norm'), config)
  return config.scale_decoder_outputs ? b.mul({ x: normal, y: b.scalar(config.d_model ** -0.5, normal) }) : normal
}

/** T5 as what reads a text and writes one. */
export function generator(w: Weights, config: T5Model): EncoderDecoder {
  const output = vocabulary(w, config)
  return {
    vocabulary: config.vocab_size,
    positions: Number.POSITIVE_INFINITY,
    layers: config.num_decoder_layers,
    channels: config.inner,
    encode: (b, inputIds, attentionMask) => encode(b, inputIds, attentionMask, w, config),
    crossed: (b, encoded) => crossProjections(b, encoded, w, config),
    embed: (b, tokens) => embed(b, tokens, w, config),
    layer: (b, x, layer, attention, places) => decode(b, x, layer, attention, places, w, config),
    logits: (b, x) => linear(b, finish(b, x, w, config), output, undefined),
  }
}
