import type { Builder } from '../builder.ts'
import { sizeOf } from '../constant.ts'
import { constantOf, type Op, operand, operandsOf, type Value } from '../graph/graph.ts'
import { definitionOf, kindsThat, traitsOf } from '../ops/ops.ts'
import { axisOf } from '../ops/shapes.ts'
import { mappedArguments } from '../rewrite/rewrite.ts'
import type { Rule } from '../rewrite/rule.ts'

const resultOf = (op: Op): Value => op.outputs[0] as Value
const lastOf = ({ type: { shape } }: Value): number => shape.at(-1) ?? 1
const rowCount = ({ type: { shape } }: Value): number => sizeOf(shape.slice(0, -1))

/** Whether the value is [rows, n] under a shape of more axes, the last one kept. */
function isOfRows(value: Value): boolean {
  const { producer, type } = value
  if (!producer || !traitsOf(producer.kind).reshaping || type.shape.length <= 2) return false
  const { shape } = operand(producer, 'x').type
  return shape.length === 2 && shape[1] === lastOf(value)
}

/** x as [rows, n]: what it was made from, where it is of rows. */
const asRows = (b: Builder, x: Value): Value => b.reshape({ x, shape: [rowCount(x), lastOf(x)] })

/** Ops that compute each row for itself over the last axis, with the attribute that says so. */
const overLast = (op: Op): Readonly<Record<string, number | readonly number[]>> | undefined => {
  const rank = operand(op, 'x').type.shape.length
  const { axis, axes, keep_dims } = op.attributes
  if (keep_dims === false) return undefined
  if (typeof axis === 'number' && axisOf(axis, rank) === rank - 1) return { axis: -1 }
  if (Array.isArray(axes) && axes.length === 1 && axisOf(Number(axes[0]), rank) === rank - 1) return { axes: [-1] }
  return undefined
}

/** An operand of an elementwise op over rows: [rows, n], a vector along them, or nothing where it fits neither. */
function operandOfRows(b: Builder, value: Value, rows: number): Value | undefined {
  if (rowCount(value) === rows) return asRows(b, value)
  if (rowCount(value) !== 1 || (value.type.shape.length > 1 && !constantOf(value))) return undefined
  return value.type.shape.length > 1 ? b.reshape({ x: value, shape: [lastOf(value)] }) : value
}

/**
 * Rules that carry a graph on [rows, n] from one product with a weight to the next. ONNX's Gemm takes two axes and the weight as it is
 * stored; a reshape before and after each is most of what such a graph moves. The shape of more axes comes back where something
 * else wants it, and meets a reshape there as a rule: into heads, or into the rows of the next product.
 */
export const rows: readonly Rule[] = [
  {
    name: 'linear-of-rows',
    why: 'a product with a weight treats every row alike',
    on: 'linear',
    rewrite: (op, b) => {
      const { shape } = resultOf(op).type
      if (shape.length === 2) return undefined
      const args = mappedArguments(op, value => value)
      return b.reshape({ x: b.emit('linear', { ...args, x: asRows(b, operand(op, 'x')) })[0] as Value, shape })
    },
  },
  {
    name: 'elementwise-of-rows',
    why: 'an element does not depend on the shape it stands in',
    on: kindsThat('elementwise'),
    rewrite: (op, b) => {
      const result = resultOf(op)
      const operands = operandsOf(op)
      if (!operands.some(value => isOfRows(value) && rowCount(value) === rowCount(result))) return undefined
      const own = new Map(operands.map(value => [value, operandOfRows(b, value, rowCount(result))]))
      if ([...own.values()].includes(undefined)) return undefined
      const args = mappedArguments(op, value => own.get(value) ?? value)
      return b.reshape({ x: b.emit(op.kind, args)[0] as Value, shape: result.type.shape })
    },
  },
  {
    name: 'last-axis-of-rows',
    why: 'a norm or a reduction over the last axis treats every row alike',
    on: ['layer_norm', 'softmax', ...kindsThat('reduction').filter(kind => definitionOf(kind)?.attributes.keep_dims)],
    rewrite: (op, b) => {
      const x = operand(op, 'x')
      const last = isOfRows(x) ? overLast(op) : undefined
      if (!last) return undefined
      const args = { ...mappedArguments(op, value => value), ...last, x: asRows(b, x) }
      return b.reshape({ x: b.emit(op.kind, args)[0] as Value, shape: resultOf(op).type.shape })
    },
  },
  {
    name: 'split-of-rows',
    why: 'a cut of the last axis cuts every row alike',
    on: 'split',
    rewrite: (op, b) => {
      const x = operand(op, 'x')
      const last = isOfRows(x) ? overLast(op) : undefined
      // A part of one column is squeezed out as a rule, which from [rows, 1] would be a reshape.
      if (!last || op.outputs.some(part => lastOf(part) === 1)) return undefined
      const parts = b.emit('split', { ...mappedArguments(op, value => value), ...last, x: asRows(b, x) })
      return parts.map((part, i) => b.reshape({ x: part, shape: op.outputs[i]?.type.shape ?? [] }))
    },
  },
]
