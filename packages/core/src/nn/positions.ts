import type { Builder } from '../builder.ts'
import type { Value } from '../graph/graph.ts'

/**
 * Positions that count tokens and skip padding, wherever it stands: with n = (ids ≠ pad), cumsum(n)·n + pad.
 * Padding itself gets `pad`, the first token pad + 1. int32 [B, S] (transformers `create_position_ids_from_input_ids`)
 */
export function positionsPastPadding(b: Builder, ids: Value, pad: number): Value {
  const n = b.cast({ x: b.not_equal({ x: ids, y: b.scalar(pad, ids) }), dtype: 'int32' })
  return b.add({ x: b.mul({ x: b.cumsum({ x: n, axis: 1 }), y: n }), y: b.scalar(pad, n) })
}
