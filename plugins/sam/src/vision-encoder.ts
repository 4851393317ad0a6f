import {
  activate,
  type Builder,
  type Constant,
  gatherConstant,
  layerNorm,
  linear,
  packedLinear,
  reshapeConstant,
  type Value,
  type Weights,
} from '@silane/core'
import type { VisionConfig } from './config.ts'
import { channelsFirst, channelsLast, convolution } from './feature-map.ts'

/**
 * The image encoder of Kirillov et al., "Segment Anything" (2023): a ViT whose layers look at windows, a few at everything, as
 * transformers' `SamVisionEncoder` computes it. Shapes: I side of the picture, G patches along it, D width of the layers, w side of a
 * window, d width of a head, O channels that come out. `w` are the tensors below `vision_encoder`.
 */

/** Whatever the configuration says: `SamVisionNeck` gives its norms none. */
const NECK_EPSILON = 1e-6

/** From this width on (ViT-H, 1280) norms whose squares are summed in fp16 spoil the masks; in fp32 they do not (segment-anything #540, #696). */
const EXACT_NORMS_FROM = 1280

/** Pixels, normalised [1, 3, I, I] → image embeddings [1, O, G, G] */
export function encodeImage(b: Builder, pixels: Value, w: Weights, config: VisionConfig): Value {
  const { hidden_size, patch_size, image_size, use_abs_pos, num_hidden_layers } = config
  const grid = image_size / patch_size
  let x = channelsLast(b, convolution(b, pixels, w.at('patch_embed.projection'), hidden_size, { kernel: patch_size, stride: patch_size }))
  if (use_abs_pos) x = b.add({ x, y: b.constant(w.tensor('pos_embed', [1, grid, grid, hidden_size])) })
  for (let index = 0; index < num_hidden_layers; index++) x = layer(b, x, index, w, config)
  return neck(b, x, w.at('neck'), config)
}

/** [1, G, G, D] → [1, G, G, D] */
function layer(b: Builder, x: Value, index: number, w: Weights, config: VisionConfig): Value {
  const { hidden_size, hidden_act, mlp_dim, layer_norm_eps, window_size, global_attn_indexes } = config
  const at = w.at('layers').at(index)
  const norm = (y: Value, name: string): Value => {
    const made = () => layerNorm(b, y, at.at(name), layer_norm_eps)
    return hidden_size < EXACT_NORMS_FROM ? made() : b.exact(made)
  }
  const window = window_size === 0 || global_attn_indexes.includes(index) ? undefined : window_size
  return b.in(at.path, () => {
    const attended = b.add({ x, y: attend(b, norm(x, 'layer_norm1'), window, at.at('attn'), config) })
    const inner = activate(b, hidden_act, linear(b, norm(attended, 'layer_norm2'), at.at('mlp.lin1'), mlp_dim))
    return b.add({ x: attended, y: linear(b, inner, at.at('mlp.lin2'), hidden_size) })
  })
}

/**
 * Attention within windows, or over the whole grid. [1, G, G, D] → [1, G, G, D]
 *
 * What is added until windows fit is zero and no token: it is a key like any other, as in the original.
 */
function attend(b: Builder, x: Value, window: number | undefined, w: Weights, config: VisionConfig): Value {
  const { hidden_size: width, num_attention_heads: heads, use_rel_pos, qkv_bias } = config
  const [batch, height, columns] = x.type.shape as [number, number, number, number]
  const tokens = window === undefined ? b.reshape({ x, shape: [batch, height * columns, width] }) : b.window_partition({ x, window })
  const side = window ?? height
  const packed = w.at('qkv')
  const part = (index: number): Value => packedLinear(b, tokens, packed, 3 * width, width, index * width, { bias: qkv_bias })
  const table = (name: string): Value => b.constant(relativeRows(w.tensor(name, [2 * side - 1, width / heads]), side))
  const mixed = b.attention({
    query: part(0),
    key: part(1),
    value: part(2),
    heads,
    scale: 1 / Math.sqrt(width / heads),
    ...(use_rel_pos
      ? // Of the query before it is scaled.
        { relative_rows: table('rel_pos_h'), relative_columns: table('rel_pos_w'), scale_relative: false }
      : {}),
  })
  const out = linear(b, mixed, w.at('proj'), width)
  return window === undefined
    ? b.reshape({ x: out, shape: [batch, height, columns, width] })
    : b.window_merge({ x: out, window, height, width: columns })
}

/** Of a table by distance [2n − 1, d] the row a − b + n − 1 for the query at a and the key at b. [n, n, d] */
function relativeRows(table: Constant, side: number): Constant {
  const rows = Array.from({ length: side * side }, (_, at) => Math.floor(at / side) - (at % side) + side - 1)
  return reshapeConstant(gatherConstant(table, rows, `relative ${side}`), [side, side, table.shape[1] as number])
}

/** [1, G, G, D] → [1, O, G, G] */
function neck(b: Builder, x: Value, w: Weights, { output_channels: out }: VisionConfig): Value {
  return b.in(w.path, () => {
    const narrow = layerNorm(
      b,
      channelsLast(b, convolution(b, channelsFirst(b, x), w.at('conv1'), out, { kernel: 1, bias: false })),
      w.at('layer_norm1'),
      NECK_EPSILON,
    )
    const mixed = convolution(b, channelsFirst(b, narrow), w.at('conv2'), out, { kernel: 3, pad: 1, bias: false })
    return channelsFirst(b, layerNorm(b, channelsLast(b, mixed), w.at('layer_norm2'), NECK_EPSILON))
  })
}
