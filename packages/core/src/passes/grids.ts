import type { Builder } from '../builder.ts'
import { constantOf, type Op, operand, operandsOf, type Value } from '../graph/graph.ts'
import { AXIS_CAP } from '../lower/axis-cap.ts'
import { asOp, kindsThat, traitsOf } from '../ops/ops.ts'
import { axisOf, sameShape } from '../ops/shapes.ts'
import { mappedArguments } from '../rewrite/rewrite.ts'
import type { Rule } from '../rewrite/rule.ts'

const resultOf = (op: Op): Value => op.outputs[0] as Value

type Grid = readonly [rows: number, columns: number]

/** What tokens [B, N, C] were as a grid [B, H, W, C], where N is more than an axis of the ANE holds and H and W are not. */
export function gridOf(tokens: Value): Value | undefined {
  const { producer, type } = tokens
  const [batch, count, channels] = type.shape
  if (!producer || !traitsOf(producer.kind).reshaping || type.shape.length !== 3 || (count as number) <= AXIS_CAP) return undefined
  const grid = operand(producer, 'x')
  const [rows = 0, columns = 0] = grid.type.shape.slice(1)
  const fits = Math.max(rows, columns) <= AXIS_CAP && sameShape(grid.type.shape, [batch as number, rows, columns, channels as number])
  return fits && rows * columns === count ? grid : undefined
}

/** The grid that the first of these tokens that were one stood in. */
const sharedGrid = (values: readonly Value[]): Grid | undefined =>
  values.map(value => gridOf(value)?.type.shape.slice(1, 3) as Grid | undefined).find(grid => grid !== undefined)

/** Tokens in this grid; a constant goes into any, and what is the same for all tokens stays. Undefined where elements would have to move. */
function onGrid(b: Builder, value: Value, [rows, columns]: Grid): Value | undefined {
  const { shape } = value.type
  if (shape.length < 2) return value
  const own = gridOf(value)
  if (own && own.type.shape[1] === rows && own.type.shape[2] === columns) return own
  if (!constantOf(value) || shape.length !== 3 || shape[1] !== rows * columns) return undefined
  return b.reshape({ x: value, shape: [shape[0] as number, rows, columns, shape[2] as number] })
}

/** The op over the grid instead of over its tokens, where all operands go into one. */
function overGrid(op: Op, b: Builder, attributes: Readonly<Record<string, number | readonly number[]>> = {}): Value | undefined {
  const grid = sharedGrid(operandsOf(op))
  if (!grid) return undefined
  const placed = new Map(operandsOf(op).map(value => [value, onGrid(b, value, grid)]))
  if ([...placed.values()].includes(undefined)) return undefined
  const args = mappedArguments(op, value => placed.get(value) ?? value)
  return b.reshape({ x: b.emit(op.kind, { ...args, ...attributes })[0] as Value, shape: resultOf(op).type.shape })
}

const isLast = (axis: unknown): boolean => axisOf(Number(axis), 3) === 2

/**
 * Rules that leave more tokens than one axis of the ANE holds in the grid that they came from, through all that treats each token by
 * itself. The reshape that made one axis of the two moves behind, to the attention, which takes its keys from the grid in blocks.
 */
export const grids: readonly Rule[] = [
  {
    name: 'linear-on-grid',
    why: 'a product with a weight treats every token alike',
    on: 'linear',
    rewrite: (op, b) => {
      const x = gridOf(operand(op, 'x'))
      return (
        x && b.reshape({ x: b.emit('linear', { ...mappedArguments(op, value => value), x })[0] as Value, shape: resultOf(op).type.shape })
      )
    },
  },
  {
    name: 'norm-on-grid',
    why: 'a norm over the channels treats every token alike',
    on: 'layer_norm',
    rewrite: (op, b) => {
      const axes = op.attributes.axes as readonly number[]
      return axes.length === 1 && operand(op, 'x').type.shape.length === 3 && isLast(axes[0]) ? overGrid(op, b, { axes: [-1] }) : undefined
    },
  },
  {
    name: 'elementwise-on-grid',
    why: 'an element does not depend on the shape it stands in',
    on: kindsThat('elementwise'),
    rewrite: (op, b) => (resultOf(op).type.shape.length === 3 ? overGrid(op, b) : undefined),
  },
  {
    name: 'concat-on-grid',
    why: 'channels beside channels are so for every token',
    on: 'concat',
    rewrite: (op, b) => (resultOf(op).type.shape.length === 3 && isLast(op.attributes.axis) ? overGrid(op, b, { axis: -1 }) : undefined),
  },
  {
    name: 'queries-on-grid',
    why: 'queries do not see each other: a row of them is a window, and all windows have the same keys',
    on: 'attention',
    rewrite: (source, b) => {
      const op = asOp(source, 'attention')
      const { query, key, value, key_mask, ...others } = op?.operands ?? {}
      const grid = query && gridOf(query)
      if (!op || !grid || !key || !value || Object.values(others).some(other => other !== undefined)) return undefined
      const shared = (x: Value) => b.expand_dims({ x, axes: [1] })
      const mixed = b.attention({ ...op.attributes, query: grid, key: shared(key), value: shared(value), key_mask })
      return b.reshape({ x: mixed, shape: resultOf(source).type.shape })
    },
  },
]
