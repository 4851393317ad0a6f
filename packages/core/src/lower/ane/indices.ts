import { computedConstant, readAll, reshapeConstant } from '../../constant.ts'
import { constantOf, type Op, operand, type Value } from '../../graph/graph.ts'
import { asOp } from '../../ops/ops.ts'
import type { Precision } from '../../plugin/target.ts'
import { EXACT_FP16, EXACT_FP32 } from '../half.ts'
import { intRange } from '../int-range.ts'
import { keeps } from './elementwise.ts'
import { type LayoutRule, type Lowering, resultOf } from './layout-rule.ts'
import { channelsLast, place, type Slot } from './placement.ts'
import { pointwise } from './products.ts'

// Running sums, gathers and comparisons by position: what the ANE has for none of them, as products and rows of tables.

/** A table of N² elements costs more than what it replaces from here on. */
const LARGEST_TABLE = 2048

const exactTo = (precision: Precision): number => (precision === 'fp16' ? EXACT_FP16 : EXACT_FP32)

/**
 * A running sum is a product with a triangle of ones, a 1×1 convolution over the axis. Integers take that way where it is exact, and stay
 * integers where a sum might be more than the float type tells apart.
 */
export const cumsum: LayoutRule = (source, { b, layout, precision }) => {
  const op = asOp(source, 'cumsum')
  if (!op) return false
  const { x } = op.operands
  const { shape, dtype } = x.type
  const { exclusive, reverse } = op.attributes
  const axis = op.attributes.axis < 0 ? op.attributes.axis + shape.length : op.attributes.axis
  const length = shape[axis] as number
  if (shape.length > 4 || length > LARGEST_TABLE) return false
  // Of the shape and the id of a causal mask, so that a model that has both stores one.
  const id = `triangle${exclusive ? ' exclusive' : ''}${reverse ? ' reverse' : ''}`
  const ones = computedConstant('fp32', [1, length, length], id, at => {
    const [to, from] = [Math.floor(at / length), at % length]
    const before = reverse ? from - to : to - from
    return before > 0 || (before === 0 && !exclusive) ? 1 : 0
  })
  const triangle = reshapeConstant(ones, [length, length])
  const last = shape.length - 1
  const slots = channelsLast(shape.length)
    .with(axis, 1)
    .with(last, axis === last ? 1 : (channelsLast(shape.length)[axis] as Slot))
  if (layout.fits(x)) {
    layout.setPlaced(resultOf(op), pointwise(b, layout.place(x, slots), triangle, undefined), slots)
    return true
  }
  if (dtype !== 'int32' || intRange(x).some(bound => Math.abs(bound) * length > exactTo(precision))) return false
  const flags = asOp(x.producer, 'cast')?.operands.x
  const terms = b.cast({ x: layout.plain(flags?.type.dtype === 'bool' ? flags : x), dtype: 'fp32' })
  const sums = layout.unplaced({ value: pointwise(b, place(b, terms, slots), triangle, undefined), slots })
  layout.setPlain(resultOf(op), b.cast({ x: sums, dtype: 'int32' }))
  return true
}

/** The one token of each row that [B, 1, C] indices name: a product with a one-hot row, and a sum over the tokens. */
export const gatherAlongAxis: LayoutRule = (source, lowering) => {
  const { b, layout } = lowering
  const op = asOp(source, 'gather_along_axis')
  if (!op || !layout.fits(op.operands.x)) return false
  const { x, indices } = op.operands
  const [batch, length] = x.type.shape as [number, number]
  if (x.type.shape.length !== 3 || ![1, -2].includes(op.attributes.axis) || indices.type.shape[1] !== 1) return false
  const position = onePerRow(indices, batch)
  if (position?.type.dtype !== 'int32') return false
  const [least, most] = intRange(position)
  if (most >= length && Number.isFinite(most)) return false
  const at = b.reshape({ x: layout.plain(position), shape: [batch, 1] })
  const within = least >= 0 ? at : b.mod({ x: at, y: b.scalar(length, at) })
  const places = b.constant(computedConstant('int32', [1, length], 'places', index => index))
  const chosen = b.cast({ x: b.equal({ x: places, y: within }), dtype: x.type.dtype })
  const slots = channelsLast(3)
  const picked = b.mul({ x: layout.place(x, slots), y: place(b, chosen, [0, 3]) })
  layout.setPlaced(resultOf(op), b.reduce_sum({ x: picked, axes: [3], keep_dims: true }), slots)
  return true
}

/** What indices were before they were repeated over the channels: one for each row. */
function onePerRow(indices: Value, batch: number): Value | undefined {
  if (indices.type.shape[2] === 1) return indices
  const tile = asOp(indices.producer, 'tile')
  return tile && tile.operands.x.type.shape.join() === [batch, 1, 1].join() ? tile.operands.x : undefined
}

/**
 * 1 for each place before a position, 0 from there on: cast(less(0 … N − 1, position)). A row of a constant triangle, gathered like
 * the rows of an embedding, since an integer comparison has no place on the ANE. Other casts follow their operand.
 */
export const cast: LayoutRule = (op, lowering) => placesBefore(op, lowering) || keeps(op, lowering)

function placesBefore(op: Op, { b, layout }: Lowering): boolean {
  const less = asOp(operand(op, 'x').producer, 'less')
  const { shape, dtype } = resultOf(op).type
  const length = shape.at(-1)
  if (!less || dtype !== 'fp32' || length === undefined || length > LARGEST_TABLE || shape.slice(0, -1).some(dim => dim !== 1)) return false
  const { x, y } = less.operands
  const places = constantOf(x)
  if (!places || y.type.dtype !== 'int32' || y.type.shape.some(dim => dim !== 1)) return false
  if (places.shape.at(-1) !== length || Array.from(readAll(places), Number).some((place, i) => place !== i)) return false
  const [least, most] = intRange(y)
  const rows = most < length ? length : length + 1
  const triangle = computedConstant('fp32', [rows, length], 'filled', at => (at % length < Math.floor(at / length) ? 1 : 0))
  const own = b.reshape({ x: layout.plain(y), shape: [1] })
  const above = least >= 0 ? own : b.maximum({ x: own, y: b.scalar(0, own) })
  const row = most <= length ? above : b.minimum({ x: above, y: b.scalar(length, own) })
  layout.setPlain(resultOf(op), b.reshape({ x: b.gather({ x: b.constant(triangle), indices: row, axis: 0 }), shape }))
  return true
}
