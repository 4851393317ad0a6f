import type { Builder } from '../builder.ts'
import { isFloat } from '../dtype.ts'
import type { Value } from '../graph/graph.ts'

/** 0 where the mask keeps, `masked` where it drops. */
export function maskBias(b: Builder, mask: Value, masked: number, like: Value): Value {
  const keep = isFloat(mask.type.dtype) ? mask : b.cast({ x: mask, dtype: like.type.dtype })
  return b.mul({ x: b.sub({ x: b.scalar(1, like), y: keep }), y: b.scalar(masked, like) })
}
