import { operand, operandsOf, type Value } from '../../graph/graph.ts'
import { mappedArguments } from '../../rewrite/rewrite.ts'
import { AXIS_CAP } from '../axis-cap.ts'
import { type LayoutRule, resultOf } from './layout-rule.ts'
import { trailing } from './layouts.ts'
import type { Slot } from './placement.ts'

/** Elementwise ops follow their operands: they keep the places of one of them, and take the others there. */
export const keeps: LayoutRule = (op, { b, layout }) => {
  const out = resultOf(op)
  const operands = operandsOf(op)
  const rank = out.type.shape.length
  if (!layout.fits(out) || operands.some(x => x.type.shape.length > rank || x.type.dtype !== out.type.dtype)) return false
  const slots = layout.meetingSlots(operands, rank)
  if (!slots) return false
  const args = mappedArguments(op, x => (x.type.shape.length === 0 ? layout.plain(x) : layout.place(x, trailing(slots, x))))
  layout.setPlaced(out, b.emit(op.kind, args)[0] as Value, slots)
  return true
}

/** Ops along one axis: on its place. */
export const alongAxis: LayoutRule = (op, { b, layout }) => {
  const operands = operandsOf(op)
  const axis = op.attributes.axis as number
  const [first] = operands
  const slots =
    first && operands.length === 1 ? layout.slotsFor(first, axis) : layout.meetingSlots(operands, resultOf(op).type.shape.length)
  const own = slots?.at(axis)
  if (!slots || own === undefined || ![...operands, ...op.outputs].every(x => layout.fits(x))) return false
  // Pieces of a split vocabulary meet at the border, in the plain layout: together they are over the cap again.
  if (op.kind === 'concat' && own === 1 && (resultOf(op).type.shape.at(axis) as number) > AXIS_CAP) return false
  const results = b.emit(op.kind, { ...mappedArguments(op, x => layout.place(x, slots)), axis: own })
  for (const [i, out] of op.outputs.entries()) layout.setPlaced(out, results[i] as Value, slots)
  return true
}

/** A reduction: an axis that goes leaves its place empty, so that [B, S, C] becomes [B, C] over the tokens without an op. */
export const reduction: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const axes = op.attributes.axes as readonly number[]
  const [form] = layout.forms(x)
  if (!form) return false
  const { slots } = form
  const own = axes.map(axis => slots.at(axis) as Slot).sort()
  const reduced = b.emit(op.kind, { x: form.value, axes: own, keep_dims: true })[0] as Value
  const left = op.attributes.keep_dims ? slots : slots.filter(slot => !own.includes(slot))
  if (left.length > 0) layout.setPlaced(resultOf(op), reduced, left)
  else layout.setPlain(resultOf(op), b.reshape({ x: reduced, shape: [] }))
  return true
}
