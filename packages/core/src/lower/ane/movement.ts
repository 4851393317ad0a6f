import { operand, type Value } from '../../graph/graph.ts'
import { slicedShape } from '../../ops/movement.ts'
import { asOp } from '../../ops/ops.ts'
import { mappedArguments } from '../../rewrite/rewrite.ts'
import { type LayoutRule, resultOf } from './layout-rule.ts'
import { placedShape, reshapedSlots, type Slot } from './placement.ts'

/** A transpose of a placed value is another name for its places. */
export const transpose: LayoutRule = (op, { layout }) => {
  const x = operand(op, 'x')
  const perm = op.attributes.perm as readonly number[]
  for (const { value, slots } of layout.forms(x)) {
    layout.setPlaced(
      resultOf(op),
      value,
      perm.map(axis => slots[axis] as Slot),
    )
  }
  return layout.isPlaced(x)
}

/** A reshape that moves no element where the value stands: axes that are neighbours merge, one axis splits, axes of size 1 come and go. */
export const reshape: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const { shape } = resultOf(op).type
  for (const { value, slots } of layout.forms(x)) {
    const next = reshapedSlots(x.type.shape, slots, shape)
    if (!next) continue
    layout.setPlaced(resultOf(op), b.reshape({ x: value, shape: placedShape(shape, next) }), next)
    // Where the plain value is at hand too, its reshape is as cheap; what nobody uses is dropped.
    if (layout.isPlain(x)) layout.setPlain(resultOf(op), b.reshape({ x: layout.plain(x), shape }))
    return true
  }
  return false
}

/** Slices on the places; an axis of which one element is taken leaves its place empty. */
export const slice: LayoutRule = (op, { b, layout }) => {
  const sliced = asOp(op, 'slice_by_index')
  const form = layout.forms(operand(op, 'x'))[0]
  if (!sliced || !form) return false
  const { value, slots } = form
  const a = sliced.attributes
  const parts = slicedShape(operand(op, 'x').type.shape, a.begin, a.end, a.stride, a.begin_mask, a.end_mask, a.squeeze_mask)
  const left = slots.filter((_, axis) => !a.squeeze_mask?.[axis])
  if (left.length === 0) return false
  const spread = <T extends number | boolean>(list: readonly T[] | undefined, one: (axis: number) => T, unit: T): T[] | undefined => {
    if (!list) return undefined
    const out = [unit, unit, unit, unit]
    for (const [axis, slot] of slots.entries()) out[slot] = a.squeeze_mask?.[axis] ? one(axis) : (list[axis] as T)
    return out
  }
  const part = (axis: number) => parts[axis] as (typeof parts)[0]
  const taken = b.slice_by_index({
    x: value,
    begin: spread(a.begin, axis => part(axis).begin, 0) as number[],
    end: spread(a.end, axis => part(axis).end, 1) as number[],
    stride: spread(a.stride, () => 1, 1),
    begin_mask: spread(a.begin_mask, () => false, true),
    end_mask: spread(a.end_mask, () => false, true),
  })
  layout.setPlaced(resultOf(op), taken, left)
  return true
}

/** Padding on the places. What does not pad with a constant, Core ML has for the last two axes alone. */
export const pad: LayoutRule = (op, { b, layout }) => {
  const padded = asOp(op, 'pad')
  const form = layout.forms(operand(op, 'x'))[0]
  if (!padded || !form) return false
  const { pad: pairs, mode } = padded.attributes
  const { value, slots } = form
  const all = Array<number>(8).fill(0)
  for (const [i, slot] of slots.slice(slots.length - pairs.length / 2).entries()) {
    all[2 * slot] = pairs[2 * i] as number
    all[2 * slot + 1] = pairs[2 * i + 1] as number
  }
  const spatial = all.slice(0, 4).every(count => count === 0)
  if (!spatial && mode !== 'constant') return false
  const args = mappedArguments(op, () => value)
  layout.setPlaced(resultOf(op), b.emit('pad', { ...args, pad: spatial ? all.slice(4) : all })[0] as Value, slots)
  return true
}
