import { type Builder, layerNorm, type Value, type Weights } from '@silane/core'

/** [B, C, H, W] → [B, H, W, C] */
export const channelsLast = (b: Builder, x: Value): Value => b.transpose({ x, perm: [0, 2, 3, 1] })

/** [B, H, W, C] → [B, C, H, W] */
export const channelsFirst = (b: Builder, x: Value): Value => b.transpose({ x, perm: [0, 3, 1, 2] })

/** Layer norm over the channels of a map (`SamLayerNorm`, channels first). [B, C, H, W] → [B, C, H, W] */
export const channelNorm = (b: Builder, x: Value, w: Weights, epsilon: number): Value =>
  channelsFirst(b, layerNorm(b, channelsLast(b, x), w, epsilon))

interface Kernel {
  /** Its side. */
  readonly kernel: number
  readonly stride?: number
  /** Zeros on every side. */
  readonly pad?: number
  /** Whether it has one. Default: true. */
  readonly bias?: boolean
}

/** A convolution with `weight` [out, C, k, k] and `bias` [out]. [B, C, H, W] → [B, out, H', W'] */
export const convolution = (b: Builder, x: Value, w: Weights, out: number, { kernel, stride = 1, pad = 0, bias = true }: Kernel): Value =>
  b.in(w.path, () => {
    const weight = b.constant(w.tensor('weight', [out, x.type.shape[1] as number, kernel, kernel]))
    return b.conv({
      x,
      weight,
      ...(bias ? { bias: b.constant(w.tensor('bias', [out])) } : {}),
      strides: [stride, stride],
      pad_type: pad > 0 ? 'custom' : 'valid',
      pad: [pad, pad, pad, pad],
      dilations: [1, 1],
    })
  })

/** A map twice as high and wide: a transposed convolution with kernel and stride 2, `weight` [C, out, 2, 2]. [B, C, H, W] → [B, out, 2H, 2W] */
export const doubled = (b: Builder, x: Value, w: Weights, out: number): Value =>
  b.in(w.path, () => {
    const weight = b.constant(w.tensor('weight', [x.type.shape[1] as number, out, 2, 2]))
    return b.conv_transpose({
      x,
      weight,
      bias: b.constant(w.tensor('bias', [out])),
      strides: [2, 2],
      pad_type: 'valid',
      pad: [0, 0, 0, 0],
      dilations: [1, 1],
    })
  })
