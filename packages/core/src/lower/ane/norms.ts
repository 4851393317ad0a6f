import { concatConstants, scaleConstant } from '../../constant.ts'
import { constantOf, type Op, operand, type Value } from '../../graph/graph.ts'
import { mappedArguments } from '../../rewrite/rewrite.ts'
import { type LayoutRule, type Lowering, resultOf } from './layout-rule.ts'
import type { Slot } from './placement.ts'

/** Where the operand of a norm over one axis stands: a value that stands nowhere goes to its channels-last places for a norm over the channels alone. */
function slotsOf(op: Op, axis: number, { layout }: Lowering): readonly Slot[] | undefined {
  const x = operand(op, 'x')
  const rank = x.type.shape.length
  if (!layout.fits(x)) return undefined
  return layout.slotsFor(x, axis) ?? (axis === -1 || axis === rank - 1 ? layout.channelSlots(x) : undefined)
}

export const layerNorm: LayoutRule = (op, lowering) => {
  const { b, layout } = lowering
  const x = operand(op, 'x')
  const axes = op.attributes.axes as readonly number[]
  const slots = slotsOf(op, axes.at(-1) as number, lowering)
  const own = axes.map(axis => slots?.at(axis) as Slot)
  if (!slots || own.some((slot, i) => i > 0 && slot !== (own[i - 1] as number) + 1)) return false
  const args = mappedArguments(op, value => (value === x ? layout.place(x, slots) : layout.plain(value)))
  layout.setPlaced(resultOf(op), b.emit('layer_norm', { ...args, axes: own })[0] as Value, slots)
  return true
}

/**
 * layer_norm of [x, −x] over the channels: its mean is 0 and its variance mean(x²), so the first half is the RMS
 * norm, computed by the op that the ANE has, and no square of x is ever stored in fp16 (it overflows above 255).
 */
export const rmsNorm: LayoutRule = (op, lowering) => {
  const { b, layout } = lowering
  const x = operand(op, 'x')
  const gamma = constantOf(operand(op, 'gamma'))
  const slots = slotsOf(op, -1, lowering)
  if (!slots || !gamma) return false
  const own = layout.place(x, slots)
  const axis = slots.at(-1) as Slot
  const width = own.type.shape[axis] as number
  const doubled = b.concat({ values: [own, b.mul({ x: own, y: b.scalar(-1, own) })], axis })
  const normal = b.layer_norm({
    x: doubled,
    gamma: b.constant(concatConstants([gamma, scaleConstant(gamma, -1)], 0)),
    axes: [axis],
    epsilon: op.attributes.epsilon as number,
  })
  layout.setPlaced(resultOf(op), b.split({ x: normal, axis, split_sizes: [width, width] })[0] as Value, slots)
  return true
}
