import { reshapeConstant, transposeConstant } from '../constant.ts'
import { constantOf, operand, type Value } from '../graph/graph.ts'
import type { Rule } from '../rewrite/rule.ts'

/** Rules for targets whose product takes its operands as they stand. */
export const products: readonly Rule[] = [
  {
    name: 'turn-operands',
    why: 'a transpose of its own merges with the one that made the operand; a constant stays as it is stored',
    on: 'matmul',
    rewrite: (op, b) => {
      const { transpose_x, transpose_y } = op.attributes
      const turn = (x: Value, flag: boolean): { readonly value: Value; readonly flag: boolean } => {
        if (!flag || constantOf(x)) return { value: x, flag }
        const rank = x.type.shape.length
        const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i))
        return { value: b.transpose({ x, perm }), flag: false }
      }
      const x = turn(operand(op, 'x'), transpose_x === true)
      const y = turn(operand(op, 'y'), transpose_y === true)
      if (x.flag === transpose_x && y.flag === transpose_y) return undefined
      return b.matmul({ x: x.value, y: y.value, transpose_x: x.flag, transpose_y: y.flag })
    },
  },
  {
    name: 'product-in-place',
    why: 'a product per position, [B,i,h,d]·[1,i,d,j] with heads put first again, is an einsum of operands that have heads first',
    on: 'transpose',
    rewrite: (op, b) => {
      const product = operand(op, 'x').producer
      if (product?.kind !== 'matmul' || String(op.attributes.perm) !== '0,2,1,3') return undefined
      const table = constantOf(operand(product, 'y'))
      const { transpose_x, transpose_y } = product.attributes
      if (table?.shape.length !== 4 || table.shape[0] !== 1 || transpose_x || transpose_y) return undefined
      const [, i, d, j] = table.shape as [number, number, number, number]
      const turned = reshapeConstant(transposeConstant(reshapeConstant(table, [i, d, j]), [1, 0, 2]), [1, d, i, j])
      const x = b.transpose({ x: operand(product, 'x'), perm: [0, 2, 1, 3] })
      return b.einsum({ values: [x, b.constant(turned)], equation: 'bhid,bdij->bhij' })
    },
  },
]
