import {
  activate,
  type Builder,
  type DecoderAttention,
  embedding,
  firstRows,
  firstToken,
  layerNorm,
  linear,
  maskedLanguageModelHead,
  normalize,
  packedLinear,
  sequenceAttention,
  stackLayers,
  type Value,
  type Weights,
} from '@silane/core'
import type { BlipTextConfig, BlipVisionConfig } from './config.ts'

export { type BlipTextConfig, type BlipVisionConfig, readVisionConfig } from './config.ts'
export { picture } from './picture.ts'

/**
 * Li et al., "BLIP: Bootstrapping Language-Image Pre-training for Unified Vision-Language Understanding and Generation" (2022), as
 * transformers' `modeling_blip.py` and `modeling_blip_text.py` compute it. Shapes: B batch, R pixels of a side, N = 1 + (R / patch)²
 * tokens of a picture, D their width, S tokens of a text, C their width.
 */

/** Last hidden states of a picture, after the last norm. pixels [B, 3, R, R] → [B, N, D]. `w` are the tensors of `vision_model`. */
export function look(b: Builder, pixels: Value, w: Weights, config: BlipVisionConfig): Value {
  let x = embedPatches(b, pixels, w.at('embeddings'), config)
  for (let i = 0; i < config.num_hidden_layers; i++) x = visionLayer(b, x, w.at('encoder.layers').at(i), config)
  return layerNorm(b, x, w.at('post_layernorm'), config.layer_norm_eps)
}

/** Tokens of a picture: its class, and its patches; pixels that do not fill a patch are left out. */
export const tokensOf = ({ image_size, patch_size }: BlipVisionConfig): number => Math.floor(image_size / patch_size) ** 2 + 1

/** [class; patches] + positions. [B, 3, R, R] → [B, N, D] */
function embedPatches(b: Builder, pixels: Value, w: Weights, config: BlipVisionConfig): Value {
  const [batch, channels] = pixels.type.shape as readonly [number, number]
  const { hidden_size: width, patch_size: patch } = config
  const count = tokensOf(config) - 1
  return b.in(w.path, () => {
    const at = w.at('patch_embedding')
    const map = b.in(at.path, () =>
      b.conv({
        x: pixels,
        weight: b.constant(at.tensor('weight', [width, channels, patch, patch])),
        bias: b.constant(at.tensor('bias', [width])),
        strides: [patch, patch],
        pad: [0, 0, 0, 0],
        dilations: [1, 1],
      }),
    )
    const patches = b.transpose({ x: b.reshape({ x: map, shape: [batch, width, count] }), perm: [0, 2, 1] })
    const first = b.constant(w.tensor('class_embedding', [1, 1, width]))
    const tokens = b.concat({ values: [batch === 1 ? first : b.tile({ x: first, reps: [batch, 1, 1] }), patches], axis: 1 })
    return b.add({ x: tokens, y: b.constant(w.tensor('position_embedding', [1, count + 1, width])) })
  })
}

/** Pre-norm: x += projection(attention(LN x)); x += fc2(act(fc1(LN x))). [B, N, D] → [B, N, D] */
function visionLayer(b: Builder, start: Value, w: Weights, config: BlipVisionConfig): Value {
  const { hidden_size: width, num_attention_heads: heads, intermediate_size, hidden_act, layer_norm_eps } = config
  return b.in(w.path, () => {
    const normal = layerNorm(b, start, w.at('layer_norm1'), layer_norm_eps)
    const part = (index: number): Value => packedLinear(b, normal, w.at('self_attn.qkv'), 3 * width, width, index * width)
    const mixed = b.attention({ query: part(0), key: part(1), value: part(2), heads, scale: 1 / Math.sqrt(width / heads) })
    const x = b.add({ x: start, y: linear(b, mixed, w.at('self_attn.projection'), width) })
    const inner = linear(b, layerNorm(b, x, w.at('layer_norm2'), layer_norm_eps), w.at('mlp.fc1'), intermediate_size)
    return b.add({ x, y: linear(b, activate(b, hidden_act, inner), w.at('mlp.fc2'), width) })
  })
}

/** Where tokens stand: 0, 1, 2 … of a whole text, or slots of a cache as a value int32 [1, S]. */
type Positions = 'from-zero' | Value

/** LN(word + position); a text has no segments. ids int32 [B, S] → [B, S, C]. `w` are the tensors of a text stack. */
export function embed(b: Builder, ids: Value, positions: Positions, w: Weights, config: BlipTextConfig): Value {
  const { vocab_size, hidden_size: width, max_position_embeddings: rows, layer_norm_eps } = config
  const at = w.at('embeddings')
  const words = embedding(b, ids, at.at('word_embeddings'), vocab_size, width)
  const table = at.at('position_embeddings')
  const places =
    positions === 'from-zero' ? firstRows(b, table, rows, width, ids.type.shape[1] as number) : embedding(b, positions, table, rows, width)
  return b.in(at.path, () => layerNorm(b, b.add({ x: words, y: places }), at.at('LayerNorm'), layer_norm_eps))
}

/** How the tokens of a text attend to each other and, where there is a picture or a question to attend to, to that. */
export type TextAttention = Pick<DecoderAttention, 'self'> & Partial<Pick<DecoderAttention, 'cross'>>

/** The layer with this number: BERT's, with a cross-attention between its halves where there is something to attend to. [B, S, C] → [B, S, C] */
export function textLayer(b: Builder, x: Value, index: number, attention: TextAttention, w: Weights, config: BlipTextConfig): Value {
  const { hidden_size: width, num_attention_heads: heads, intermediate_size, hidden_act, layer_norm_eps } = config
  const at = w.at('encoder.layer').at(index)
  const shape = { heads, scale: 1 / Math.sqrt(width / heads) }
  const added = (y: Value, to: Value, output: Weights): Value =>
    layerNorm(b, b.add({ x: linear(b, y, output.at('dense'), width), y: to }), output.at('LayerNorm'), layer_norm_eps)
  return b.in(at.path, () => {
    const own = (name: string): Value => linear(b, x, at.at('attention.self').at(name), width)
    const self = attention.self(index, { query: own('query'), key: own('key'), value: own('value'), ...shape })
    let y = added(self, x, at.at('attention.output'))
    if (attention.cross) {
      const crossed = attention.cross(index, { query: linear(b, y, at.at('crossattention.self.query'), width), ...shape })
      y = added(crossed, y, at.at('crossattention.output'))
    }
    return added(activate(b, hidden_act, linear(b, y, at.at('intermediate.dense'), intermediate_size)), y, at.at('output'))
  })
}

/** What a text layer attends to as a whole: the keys and the values of a picture or a question. [B, T, D] → two [B, T, C] */
export function crossProjection(b: Builder, states: Value, index: number, w: Weights, { hidden_size }: BlipTextConfig) {
  const at = w.at('encoder.layer').at(index).at('crossattention.self')
  return { key: linear(b, states, at.at('key'), hidden_size), value: linear(b, states, at.at('value'), hidden_size) }
}

/** The same of all layers, stacked for a decoder. [1, T, D] → two [L, C, 1, T] */
export function crossProjections(b: Builder, states: Value, w: Weights, config: BlipTextConfig): { cross_key: Value; cross_value: Value } {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => crossProjection(b, states, index, w, config))
  return {
    cross_key: stackLayers(
      b,
      layers.map(({ key }) => key),
    ),
    cross_value: stackLayers(
      b,
      layers.map(({ value }) => value),
    ),
  }
}

/**
 * Last hidden states of a text that is read as a whole, each token seeing all that the mask shows, and the picture where there is one.
 * ids, mask int32 [B, S], picture [B, N, D] → [B, S, C]
 */
export function read(b: Builder, ids: Value, mask: Value, picture: Value | undefined, w: Weights, config: BlipTextConfig): Value {
  const { self, cross } = sequenceAttention(b, {
    causal: false,
    keyMask: mask,
    ...(picture ? { encoder: { project: index => crossProjection(b, picture, index, w, config) } } : {}),
  })
  let x = embed(b, ids, 'from-zero', w, config)
  for (let index = 0; index < config.num_hidden_layers; index++) x = textLayer(b, x, index, picture ? { self, cross } : { self }, w, config)
  return x
}

/** Scores over the vocabulary [B, S, V]. `w` are the tensors of `text_decoder`. */
export function predictWords(b: Builder, x: Value, w: Weights, config: BlipTextConfig): Value {
  const { vocab_size, hidden_size, hidden_act, layer_norm_eps } = config
  const head = w.at('cls.predictions')
  return b.in(head.path, () =>
    maskedLanguageModelHead(b, x, {
      dense: head.at('transform.dense'),
      norm: head.at('transform.LayerNorm'),
      activation: hidden_act,
      epsilon: layer_norm_eps,
      table: head.tensor('decoder.weight', [vocab_size, hidden_size]),
      bias: head.tensor('decoder.bias', [vocab_size]),
    }),
  )
}

/** The first token as a vector of length 1 in the space that pictures and texts share. [B, S, C] → [B, width] */
export const compared = (b: Builder, x: Value, w: Weights, width: number): Value =>
  b.in(w.path, () => normalize(b, linear(b, firstToken(b, x), w, width)))

/** Whether a text that was read with a picture goes with it: [no, yes]. [B, S, C] → [B, 2] */
export const match = (b: Builder, x: Value, w: Weights): Value => linear(b, firstToken(b, x), w.at('itm_head'), 2)
