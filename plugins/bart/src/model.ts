import {
  activate,
  type Builder,
  type Checkpoint,
  type Constant,
  type DecoderAttention,
  type EncoderDecoder,
  embedding,
  layerNorm,
  linear,
  names,
  type PostNormNames,
  postNormLayer,
  prefixed,
  project,
  reshapeConstant,
  sliceConstant,
  stackLayers,
  type TiedNames,
  type Value,
  Weights,
} from '@silane/core'
import type { BartConfig } from './config.ts'

export { type BartConfig, readBartConfig } from './config.ts'
export { bartTokenizer } from './tokenizer.ts'

/**
 * The encoder and the decoder of Lewis et al., "BART: Denoising Sequence-to-Sequence Pre-training" (2019), as transformers'
 * `modeling_bart.py` computes them: post-norm throughout. Shapes: B batch, S tokens, C = d_model.
 */

/** torch's default for LayerNorm, which no configuration changes. */
const EPSILON = 1e-5

/** The first rows of a position table stood for padding in fairseq and are never read. */
const OFFSET = 2

/** The tensors of BART, or of one inside another model's checkpoint, where its own names have one of these prefixes. */
export function bartWeights(checkpoint: Checkpoint, config: BartConfig, prefixes: readonly string[] = ['']): Weights {
  return new Weights(checkpoint, { candidates: names(prefixed(['', 'model.']), prefixed(prefixes)), tied: tied(config) })
}

/** What is one matrix: the stacks' embeddings, whatever the configuration says, and with them the output matrix where it ties that. */
export const tied = ({ tie_word_embeddings }: BartConfig): readonly TiedNames[] => [
  ['shared.weight', 'decoder.embed_tokens.weight', 'encoder.embed_tokens.weight', ...(tie_word_embeddings ? ['lm_head.weight'] : [])],
]

const encoderLayerNames: PostNormNames = {
  query: 'self_attn.q_proj',
  key: 'self_attn.k_proj',
  value: 'self_attn.v_proj',
  attentionOutput: 'self_attn.out_proj',
  attentionNorm: 'self_attn_layer_norm',
  intermediate: 'fc1',
  output: 'fc2',
  outputNorm: 'final_layer_norm',
}

/** Positions of the new tokens: 0, 1, 2 … of a whole sequence, or slots of a cache as a value. */
type Positions = 'from-zero' | Value

/** LN(E[ids]·√C? + P[position + 2]). ids int32 [B, S] → [B, S, C] */
export function embed(b: Builder, ids: Value, positions: Positions, stack: Weights, config: BartConfig): Value {
  const { vocab_size, d_model, max_position_embeddings, scale_embedding } = config
  const words = embedding(b, ids, stack.at('embed_tokens'), vocab_size, d_model)
  const scaled = scale_embedding ? b.mul({ x: words, y: b.scalar(Math.sqrt(d_model), words) }) : words
  return b.in(stack.path, () => {
    const rows = stack.tensor('embed_positions.weight', [max_position_embeddings + OFFSET, d_model])
    const readable = sliceConstant(rows, 0, OFFSET, max_position_embeddings + OFFSET)
    const places =
      positions === 'from-zero'
        ? b.constant(sliceConstant(readable, 0, 0, ids.type.shape[1] as number))
        : b.gather({ x: b.constant(readable), indices: positions, axis: 0 })
    return layerNorm(b, b.add({ x: scaled, y: places }), stack.at('layernorm_embedding'), EPSILON)
  })
}

/** Last hidden states of the encoder. inputIds, attentionMask int32 [B, S] → [B, S, C] */
export function encode(b: Builder, inputIds: Value, attentionMask: Value, w: Weights, config: BartConfig): Value {
  const stack = w.at('encoder')
  let x = embed(b, inputIds, 'from-zero', stack, config)
  for (let i = 0; i < config.encoder_layers; i++) {
    x = postNormLayer(b, x, { keyMask: attentionMask }, stack.at('layers').at(i), {
      hidden: config.d_model,
      heads: config.encoder_attention_heads,
      headSize: config.d_model / config.encoder_attention_heads,
      intermediate: config.encoder_ffn_dim,
      activation: config.activation_function,
      epsilon: EPSILON,
      positions: 'absolute',
      maxPositions: config.max_position_embeddings,
      names: encoderLayerNames,
    })
  }
  return x
}

/** The decoder layer with this number. [B, S, C] → [B, S, C] */
export function decode(b: Builder, x: Value, layer: number, attention: DecoderAttention, w: Weights, config: BartConfig): Value {
  const { d_model, decoder_attention_heads: heads, decoder_ffn_dim, activation_function } = config
  const shape = { heads, scale: 1 / Math.sqrt(d_model / heads) }
  const at = w.at('decoder.layers').at(layer)
  const added = (y: Value, output: string, to: Value, norm: string): Value =>
    layerNorm(b, b.add({ x: linear(b, y, at.at(output), d_model), y: to }), at.at(norm), EPSILON)
  return b.in(at.path, () => {
    const own = (name: string) => linear(b, x, at.at('self_attn').at(name), d_model)
    const self = attention.self(layer, { query: own('q_proj'), key: own('k_proj'), value: own('v_proj'), ...shape })
    const a = added(self, 'self_attn.out_proj', x, 'self_attn_layer_norm')
    const crossed = attention.cross(layer, { query: linear(b, a, at.at('encoder_attn.q_proj'), d_model), ...shape })
    const c = added(crossed, 'encoder_attn.out_proj', a, 'encoder_attn_layer_norm')
    const inner = activate(b, activation_function, linear(b, c, at.at('fc1'), decoder_ffn_dim))
    return added(inner, 'fc2', c, 'final_layer_norm')
  })
}

/** The cross-attention key and value of one decoder layer. encoded [B, S, C] → [B, S, C] each */
export function crossProjection(
  b: Builder,
  encoded: Value,
  layer: number,
  w: Weights,
  { d_model }: BartConfig,
): { key: Value; value: Value } {
  const at = w.at('decoder.layers').at(layer).at('encoder_attn')
  return { key: linear(b, encoded, at.at('k_proj'), d_model), value: linear(b, encoded, at.at('v_proj'), d_model) }
}

/** The output matrix [V, C] and `final_logits_bias` [V], which is not always zero. */
export function vocabulary(w: Weights, config: BartConfig): { table: Constant; bias: Constant | undefined } {
  const { vocab_size, d_model } = config
  const bias = w.optional('final_logits_bias', [1, vocab_size])
  return { table: w.tensor('lm_head.weight', [vocab_size, d_model]), bias: bias && reshapeConstant(bias, [vocab_size]) }
}

/** BART as what reads a text and writes one. */
export const generator = (w: Weights, config: BartConfig): EncoderDecoder => ({
  vocabulary: config.vocab_size,
  positions: config.max_position_embeddings,
  layers: config.decoder_layers,
  channels: config.d_model,
  encode: (b, inputIds, attentionMask) => encode(b, inputIds, attentionMask, w, config),
  crossed: (b, encoded) => {
    const layers = Array.from({ length: config.decoder_layers }, (_, layer) => crossProjection(b, encoded, layer, w, config))
    const stacked = (of: (projected: { key: Value; value: Value }) => Value): Value => stackLayers(b, layers.map(of))
    return { cross_key: stacked(({ key }) => key), cross_value: stacked(({ value }) => value) }
  },
  embed: (b, tokens, places) => embed(b, tokens, places, w.at('decoder'), config),
  layer: (b, x, layer, attention) => decode(b, x, layer, attention, w, config),
  logits: (b, x) => {
    const { table, bias } = vocabulary(w, config)
    return project(b, x, table, bias)
  },
})

/** out_proj(tanh(dense(x))) of one vector per sequence. [B, C] → [B, labels] */
export const classify = (b: Builder, x: Value, w: Weights, config: BartConfig, labels: number): Value => {
  const head = w.at('classification_head')
  return linear(
    b,
    b.in(head.path, () => b.tanh({ x: linear(b, x, head.at('dense'), config.d_model) })),
    head.at('out_proj'),
    labels,
  )
}
