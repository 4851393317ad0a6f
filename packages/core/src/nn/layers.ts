import type { Builder } from '../builder.ts'
import { type Constant, computedConstant, sliceConstant } from '../constant.ts'
import type { Value } from '../graph/graph.ts'
import type { Weights } from './weights.ts'

export interface LinearOptions {
  /** Whether the layer has one, which the architecture says: a file that lacks one is incomplete, and what it has beyond is not read. Default: true. */
  readonly bias?: boolean
}

/** x·Wᵀ + b with `weight` [out, in] and `bias` [out]. */
export const linear = (b: Builder, x: Value, w: Weights, out: number, { bias = true }: LinearOptions = {}): Value =>
  b.in(w.path, () => {
    const weight = b.constant(w.tensor('weight', [out, x.type.shape.at(-1) as number]))
    return b.linear(bias ? { x, weight, bias: b.constant(w.tensor('bias', [out])) } : { x, weight })
  })

/** One of several linear layers that are stored in one [rows, in]: the rows `from … from + out − 1` of it. */
export const packedLinear = (
  b: Builder,
  x: Value,
  w: Weights,
  rows: number,
  out: number,
  from: number,
  { bias = true }: LinearOptions = {},
): Value =>
  b.in(w.path, () => {
    const cut = (stored: Constant): Value => b.constant(sliceConstant(stored, 0, from, from + out))
    const weight = cut(w.tensor('weight', [rows, x.type.shape.at(-1) as number]))
    return b.linear(bias ? { x, weight, bias: cut(w.tensor('bias', [rows])) } : { x, weight })
  })

/** Layer norm over the last axis with `weight` and `bias`. */
export const layerNorm = (b: Builder, x: Value, w: Weights, epsilon: number): Value =>
  b.in(w.path, () => {
    const width = x.type.shape.at(-1) as number
    const [gamma, beta] = [b.constant(w.tensor('weight', [width])), b.constant(w.tensor('bias', [width]))]
    return b.layer_norm({ x, gamma, beta, axes: [-1], epsilon })
  })

/** Rows of an embedding table [rows, width] at integer ids: [...ids, width]. */
export const embedding = (b: Builder, ids: Value, w: Weights, rows: number, width: number): Value =>
  b.in(w.path, () => b.gather({ x: b.constant(w.tensor('weight', [rows, width])), indices: ids, axis: 0 }))

/** The first rows of a position table: what an embedding at 0, 1, 2 … gives, without a gather. [length, width] */
export const firstRows = (b: Builder, w: Weights, rows: number, width: number, length: number): Value =>
  b.in(w.path, () => b.constant(sliceConstant(w.tensor('weight', [rows, width]), 0, 0, length)))

/** Scores over a vocabulary: x·tableᵀ + bias, the table [V, C] being an embedding's as a rule. */
export const project = (b: Builder, x: Value, table: Constant, bias: Constant | undefined): Value =>
  b.linear(bias ? { x, weight: b.constant(table), bias: b.constant(bias) } : { x, weight: b.constant(table) })

/** The vectors of the first token: [B, S, C] → [B, C]. */
export const firstToken = (b: Builder, x: Value): Value => {
  const [batch, , width] = x.type.shape as [number, number, number]
  return b.slice_by_index({ x, begin: [0, 0, 0], end: [batch, 1, width], squeeze_mask: [false, true, false] })
}

/** The vector of one token per row: x [B, S, C] at position [B, 1] (int32) → [B, C] */
export const tokenAt = (b: Builder, x: Value, position: Value): Value => {
  const width = x.type.shape[2] as number
  const indices = b.tile({ x: b.expand_dims({ x: position, axes: [2] }), reps: [1, 1, width] })
  return b.squeeze({ x: b.gather_along_axis({ x, indices, axis: 1 }), axes: [1] })
}

/** Position of the last 1 in each row, 0 where there is none: flags int32 [B, S] → [B, 1]. In integers, since fp16 tells positions apart to 2048 only. */
export const lastPosition = (b: Builder, flags: Value): Value => {
  const places = b.constant(computedConstant('int32', [1, flags.type.shape[1] as number], 'places', at => at))
  return b.reduce_max({ x: b.mul({ x: flags, y: places }), axes: [1], keep_dims: true })
}

/** Position of the first 1 in each row, the last place where there is none: flags int32 [B, S] → [B, 1] */
export const firstPosition = (b: Builder, flags: Value): Value => {
  const last = (flags.type.shape[1] as number) - 1
  const toEnd = b.constant(computedConstant('int32', [1, last + 1], 'places from the end', at => last - at))
  const farthest = b.reduce_max({ x: b.mul({ x: flags, y: toEnd }), axes: [1], keep_dims: true })
  return b.sub({ x: b.scalar(last, flags), y: farthest })
}

/** Position of the last id that is not padding, whatever a mask says; without a padding id, the last position. int32 [B, S] → [B, 1] */
export function lastToken(b: Builder, ids: Value, pad: number | undefined): Value {
  const [batch, length] = ids.type.shape as [number, number]
  if (pad === undefined) return b.constant(computedConstant('int32', [batch, 1], `last ${length}`, () => length - 1))
  return lastPosition(b, b.cast({ x: b.not_equal({ x: ids, y: b.scalar(pad, ids) }), dtype: 'int32' }))
}

/** [1, S, C] → [1, C, 1, S]: the layout of caches, and of what one part of a cut decoder hands to the next. */
export const toChannels = (b: Builder, x: Value): Value => b.expand_dims({ x: b.transpose({ x, perm: [0, 2, 1] }), axes: [2] })

/** [1, C, 1, S] → [1, S, C] */
export const fromChannels = (b: Builder, x: Value): Value => b.transpose({ x: b.squeeze({ x, axes: [2] }), perm: [0, 2, 1] })
