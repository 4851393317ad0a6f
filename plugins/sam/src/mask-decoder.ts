import { activate, type Builder, computedConstant, layerNorm, linear, reshapeConstant, type Value, type Weights } from '@silane/core'
import type { MaskDecoderConfig } from './config.ts'
import { channelNorm, doubled } from './feature-map.ts'

/**
 * The mask decoder: two layers in which prompt tokens and patches attend to each other, then a mask for each of several tokens
 * (transformers `SamMaskDecoder`). Shapes: T tokens, N = G² patches, C channels, M masks. `w` are the tensors below `mask_decoder`.
 */

/** Fixed where the original leaves torch's and its own defaults, whatever the configuration says. */
const FINAL_EPSILON = 1e-5
const UPSCALE_EPSILON = 1e-6

export interface Prompt {
  /** [1, S, C] */
  readonly tokens: Value
  /** int32 [1, S]: 0 for a token that is no key. */
  readonly shown: Value
}

/**
 * image [1, C, G, G] with its mask added, positions [1, N, C] → scores [1, 1, M], masks [1, M, 4G, 4G]: those of several meanings,
 * without the first token's, which is for prompts that have one.
 */
export function decodeMasks(b: Builder, image: Value, positions: Value, prompt: Prompt, w: Weights, config: MaskDecoderConfig) {
  const { hidden_size: width, num_multimask_outputs: count, num_hidden_layers, iou_head_hidden_dim, iou_head_depth } = config
  const [, , height, columns] = image.type.shape as [number, number, number, number]
  const own = b.concat({ values: [row(b, w.at('iou_token'), 1, width), row(b, w.at('mask_tokens'), count + 1, width)], axis: 1 })
  const start = b.concat({ values: [own, prompt.tokens], axis: 1 })
  const always = b.constant(computedConstant('int32', [1, count + 2], 'shown', () => 1))
  const shown = b.concat({ values: [always, prompt.shown], axis: 1 })
  let tokens = start
  let patches = b.transpose({ x: b.reshape({ x: image, shape: [1, width, height * columns] }), perm: [0, 2, 1] })
  const transformer = w.at('transformer')
  for (let index = 0; index < num_hidden_layers; index++)
    [tokens, patches] = layer(b, { tokens, patches, start, positions, shown }, index, transformer, config)
  const final = attend(
    b,
    { query: b.add({ x: tokens, y: start }), key: b.add({ x: patches, y: positions }), value: patches },
    transformer.at('final_attn_token_to_image'),
    {
      ...config,
      rate: config.attention_downsample_rate,
    },
  )
  tokens = layerNorm(b, b.add({ x: tokens, y: final }), transformer.at('layer_norm_final_attn'), FINAL_EPSILON)
  const map = b.reshape({ x: b.transpose({ x: patches, perm: [0, 2, 1] }), shape: [1, width, height, columns] })
  const upscaled = upscale(b, map, w, width)
  const token = (index: number): Value => b.slice_by_index({ x: tokens, begin: [0, index, 0], end: [1, index + 1, width] })
  const meanings = Array.from({ length: count }, (_, i) => i + 1)
  const filters = meanings.map(mask =>
    perceptron(b, token(1 + mask), w.at('output_hypernetworks_mlps').at(mask), { depth: 3, hidden: width, out: width / 8 }),
  )
  const scores = perceptron(b, token(0), w.at('iou_prediction_head'), {
    depth: iou_head_depth,
    hidden: iou_head_hidden_dim,
    out: count + 1,
  })
  return {
    scores: b.slice_by_index({ x: scores, begin: [0, 0, 1], end: [1, 1, count + 1] }),
    masks: weighed(b, b.concat({ values: filters, axis: 1 }), upscaled),
  }
}

const row = (b: Builder, w: Weights, rows: number, width: number): Value =>
  b.constant(reshapeConstant(w.tensor('weight', [rows, width]), [1, rows, width]))

interface TwoWay {
  readonly tokens: Value
  readonly patches: Value
  /** The tokens as they came: their positions, in every layer. */
  readonly start: Value
  readonly positions: Value
  readonly shown: Value
}

/** `SamTwoWayAttentionBlock`: tokens look at each other, then at the patches; the patches look back. [1, T, C] and [1, N, C] */
function layer(b: Builder, x: TwoWay, index: number, w: Weights, config: MaskDecoderConfig): [Value, Value] {
  const { hidden_size: width, hidden_act, mlp_dim, layer_norm_eps, cross_downsample_rate: rate } = config
  const { start, positions, shown } = x
  const at = w.at('layers').at(index)
  const norm = (y: Value, name: string): Value => layerNorm(b, y, at.at(name), layer_norm_eps)
  const add = (a: Value, y: Value): Value => b.add({ x: a, y })
  return b.in(at.path, () => {
    const own = (query: Value): Value =>
      attend(b, { query, key: query, value: x.tokens, shown }, at.at('self_attn'), { ...config, rate: 1 })
    // The first layer sees tokens that are their positions already: nothing is added, before or after.
    let tokens = norm(index === 0 ? own(x.tokens) : add(x.tokens, own(add(x.tokens, start))), 'layer_norm1')
    const key = add(x.patches, positions)
    const seen = attend(b, { query: add(tokens, start), key, value: x.patches }, at.at('cross_attn_token_to_image'), { ...config, rate })
    tokens = norm(add(tokens, seen), 'layer_norm2')
    const inner = activate(b, hidden_act, linear(b, tokens, at.at('mlp.lin1'), mlp_dim))
    tokens = norm(add(tokens, linear(b, inner, at.at('mlp.lin2'), width)), 'layer_norm3')
    const back = { query: key, key: add(tokens, start), value: tokens, shown }
    const patches = norm(add(x.patches, attend(b, back, at.at('cross_attn_image_to_token'), { ...config, rate })), 'layer_norm4')
    return [tokens, patches]
  })
}

interface Attended {
  readonly query: Value
  readonly key: Value
  readonly value: Value
  /** Which keys count; all, where it is not given. */
  readonly shown?: Value
}

/** `SamAttention`, `rate` times narrower inside than outside. */
function attend(b: Builder, x: Attended, w: Weights, config: MaskDecoderConfig & { readonly rate: number }): Value {
  const { hidden_size: width, num_attention_heads: heads, rate } = config
  const inner = Math.floor(width / rate)
  return b.in(w.path, () => {
    const mixed = b.attention({
      query: linear(b, x.query, w.at('q_proj'), inner),
      key: linear(b, x.key, w.at('k_proj'), inner),
      value: linear(b, x.value, w.at('v_proj'), inner),
      heads,
      scale: 1 / Math.sqrt(inner / heads),
      ...(x.shown ? { key_mask: x.shown } : {}),
    })
    return linear(b, mixed, w.at('out_proj'), width)
  })
}

interface Perceptron {
  readonly depth: number
  readonly hidden: number
  readonly out: number
}

/** `SamFeedForward`: ReLU between its layers, whatever the configuration's activation is. */
function perceptron(b: Builder, x: Value, w: Weights, { depth, hidden, out }: Perceptron): Value {
  const active = (y: Value, at: Weights): Value => b.relu({ x: linear(b, y, at, hidden) })
  let y = active(x, w.at('proj_in'))
  for (let index = 0; index < depth - 2; index++) y = active(y, w.at('layers').at(index))
  return linear(b, y, w.at('proj_out'), out)
}

/** [1, C, G, G] → [1, C/8, 4G, 4G] */
function upscale(b: Builder, x: Value, w: Weights, width: number): Value {
  const twice = channelNorm(b, doubled(b, x, w.at('upscale_conv1'), width / 4), w.at('upscale_layer_norm'), UPSCALE_EPSILON)
  return b.gelu({ x: doubled(b, b.gelu({ x: twice }), w.at('upscale_conv2'), width / 8) })
}

/** Each filter over all pixels: Σ_c filter[c]·x[c, y, x]. filters [1, M, c], x [1, c, H, W] → [1, M, H, W] */
function weighed(b: Builder, filters: Value, x: Value): Value {
  const height = x.type.shape[2] as number
  // The product has rows of pixels on an axis of their own, so that no axis holds all pixels; the filters are the same in each.
  const rows = b.tile({ x: b.expand_dims({ x: filters, axes: [2] }), reps: [1, 1, height, 1] })
  return b.einsum({ values: [rows, x], equation: 'nchw,nwhu->nchu' })
}
