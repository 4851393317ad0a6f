import type { Builder } from '../builder.ts'
import { reshapeConstant } from '../constant.ts'
import type { Value } from '../graph/graph.ts'
import { causalMask } from './decoder-cache.ts'

/** fp16 holds every whole number up to here. */
const EXACT_FP16 = 2048

/**
 * Positions that count tokens and skip padding, wherever it stands: with n = (ids ≠ pad), cumsum(n)·n + pad.
 * Padding itself gets `pad`, the first token pad + 1. (transformers `create_position_ids_from_input_ids`)
 *
 * The running sum is a product with a triangle of ones, since the ANE computes neither cumsum nor integers. Its terms
 * are whole numbers, which fp16 holds exactly to 2048; longer sequences count in integers. int32 [B, S]
 */
export function positionsPastPadding(b: Builder, ids: Value, pad: number): Value {
  const length = ids.type.shape[1] as number
  const shown = b.not_equal({ x: ids, y: b.scalar(pad, ids) })
  const exact = length + pad <= EXACT_FP16
  const n = b.cast({ x: shown, dtype: exact ? 'fp32' : 'int32' })
  const count = exact
    ? b.linear({ x: n, weight: b.constant(reshapeConstant(causalMask(length), [length, length])) })
    : b.cumsum({ x: n, axis: 1 })
  return b.cast({ x: b.add({ x: b.mul({ x: count, y: n }), y: b.scalar(pad, n) }), dtype: 'int32' })
}
