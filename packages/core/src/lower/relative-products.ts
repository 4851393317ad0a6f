import type { Builder } from '../builder.ts'
import { type Constant, reshapeConstant, scaleConstant, transposeConstant } from '../constant.ts'
import { constantOf, type Value } from '../graph/graph.ts'
import type { OpOf } from '../ops/ops.ts'

/**
 * Σ_d q[b, i, h, d]·R[i, j, d] as `byQuery` [B, i, h, j] and Σ_d k[b, j, h, d]·R[i, j, d] as `byKey` [B, j, h, i]: products with
 * the positions as batch, for the tables that the op has. The factors go into the tables.
 */
export function relativeProducts(
  { operands: { relative_query, relative_key } }: OpOf<'attention'>,
  b: Builder,
  operands: { readonly query: () => Value; readonly key: () => Value },
  factors: { readonly query: number; readonly key: number },
): { readonly byQuery: Value | undefined; readonly byKey: Value | undefined } {
  const ofQuery = constantOf(relative_query)
  const ofKey = constantOf(relative_key)
  return {
    byQuery: ofQuery && b.matmul({ x: operands.query(), y: turnedTable(b, ofQuery, [0, 2, 1], factors.query) }),
    byKey: ofKey && b.matmul({ x: operands.key(), y: turnedTable(b, ofKey, [1, 2, 0], factors.key) }),
  }
}

const turnedTable = (b: Builder, table: Constant, perm: readonly number[], factor: number): Value => {
  const turned = scaleConstant(transposeConstant(table, perm), factor)
  return b.constant(reshapeConstant(turned, [1, ...turned.shape]))
}
