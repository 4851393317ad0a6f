import type { Builder } from '../builder.ts'
import { type Constant, sliceConstant } from '../constant.ts'
import type { Value } from '../graph/graph.ts'
import type { Weights } from './weights.ts'

/** x·Wᵀ + b with `weight` [out, in] and, where there is one, `bias` [out]. */
export const linear = (b: Builder, x: Value, w: Weights, out: number): Value =>
  b.in(w.path, () => {
    const weight = b.constant(w.tensor('weight', [out, x.type.shape.at(-1) as number]))
    const bias = w.optional('bias', [out])
    return b.linear(bias ? { x, weight, bias: b.constant(bias) } : { x, weight })
  })

/** Layer norm over the last axis with `weight` and, where there is one, `bias`. */
export const layerNorm = (b: Builder, x: Value, w: Weights, epsilon: number): Value =>
  b.in(w.path, () => {
    const width = x.type.shape.at(-1) as number
    const gamma = b.constant(w.tensor('weight', [width]))
    const bias = w.optional('bias', [width])
    return b.layer_norm(bias ? { x, gamma, beta: b.constant(bias), axes: [-1], epsilon } : { x, gamma, axes: [-1], epsilon })
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
