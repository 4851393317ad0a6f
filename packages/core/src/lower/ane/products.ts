import type { Builder } from '../../builder.ts'
import { type Constant, reshapeConstant, sliceConstant } from '../../constant.ts'
import { constantOf, type Op, operand, optionalOperand, type Value } from '../../graph/graph.ts'
import { asOp } from '../../ops/ops.ts'
import { sameShape } from '../../ops/shapes.ts'
import { mappedArguments } from '../../rewrite/rewrite.ts'
import { AXIS_CAP, evenParts } from '../axis-cap.ts'
import { type LayoutRule, type Lowering, resultOf } from './layout-rule.ts'
import { channelsFirst, type Slot, sameSlots } from './placement.ts'

/** A linear layer as a 1×1 convolution: the same weights with two axes more. */
export const pointwise = (b: Builder, x: Value, weight: Constant, bias: Constant | undefined): Value =>
  b.conv({
    x,
    weight: b.constant(reshapeConstant(weight, [...weight.shape, 1, 1])),
    ...(bias ? { bias: b.constant(bias) } : {}),
    strides: [1, 1],
    pad: [0, 0, 0, 0],
    dilations: [1, 1],
  })

export const linear: LayoutRule = (op, lowering) => {
  const { b, layout } = lowering
  const x = operand(op, 'x')
  const weight = constantOf(operand(op, 'weight'))
  if (!layout.fits(x) || !weight) return false
  if (inParts(op, weight, lowering)) return true
  const slots = layout.channelSlots(x)
  layout.setPlaced(resultOf(op), pointwise(b, layout.place(x, slots), weight, constantOf(optionalOperand(op, 'bias'))), slots)
  return true
}

/** A vocabulary over the axis cap in as few equal parts as keep below it. They meet at the border, in the plain layout: together they are over it again. */
function inParts(op: Op, weight: Constant, { b, layout, splitHead, outputs }: Lowering): boolean {
  const rows = weight.shape[0] as number
  if (!splitHead || rows <= AXIS_CAP || !outputs.has(resultOf(op))) return false
  const x = operand(op, 'x')
  const bias = constantOf(optionalOperand(op, 'bias'))
  const slots = layout.channelSlots(x)
  let from = 0
  const parts = evenParts(rows, AXIS_CAP).map(count => {
    const [begin, end] = [from, from + count]
    from = end
    const cut = (constant: Constant) => sliceConstant(constant, 0, begin, end)
    return layout.unplaced({ value: pointwise(b, layout.place(x, slots), cut(weight), bias && cut(bias)), slots })
  })
  layout.setPlain(resultOf(op), b.concat({ values: parts, axis: -1 }))
  return true
}

/** Ops over [B, C, H, W]: convolutions, pooling and the like, whose results are born in place. */
export const featureMap: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  if (!layout.fits(x) || x.type.shape.length !== 4) return false
  const args = mappedArguments(op, value => (value === x ? layout.place(x, channelsFirst) : layout.plain(value)))
  layout.setPlaced(resultOf(op), b.emit(op.kind, args)[0] as Value, channelsFirst)
  return true
}

/** The matrix of a product as it stands with the batch on the first two places, and whether it is turned; undefined where it stands elsewhere. */
function matrix(x: Value, turn: boolean, { layout }: Lowering): { readonly value: Value; readonly turn: boolean } | undefined {
  for (const turned of [false, true]) {
    const form = layout.forms(x).find(({ slots }) => sameSlots(slots, turned ? [0, 1, 3, 2] : [0, 1, 2, 3]))
    if (form) return { value: form.value, turn: turn !== turned }
  }
  return undefined
}

/** [B, N, Q, C]·[B, N, C, K] whose batch leads already: a matrix that stands turned is a flag, not a transpose. */
const leadingBatch: LayoutRule = (op, lowering) => {
  const matmul = asOp(op, 'matmul')
  if (!matmul) return false
  const { x, y } = matmul.operands
  const { transpose_x, transpose_y } = matmul.attributes
  if ([x, y].some(value => value.type.shape.length !== 4)) return false
  const [left, right] = [matrix(x, transpose_x, lowering), matrix(y, transpose_y, lowering)]
  if (!left && !right) return false
  const { b, layout } = lowering
  const [own, other] = [left ?? { value: layout.plain(x), turn: transpose_x }, right ?? { value: layout.plain(y), turn: transpose_y }]
  const value = b.matmul({ x: own.value, y: other.value, transpose_x: own.turn, transpose_y: other.turn })
  layout.setPlaced(resultOf(op), value, channelsFirst)
  return true
}

/**
 * x·y of [B, Q, C] and [B, C, K] as attention has it: the einsum that Core ML maps without a copy takes y as [B, K, 1, C], which is
 * where its channels-last places put it, and x as [B, C, 1, Q], which is that too, and gives [B, K, 1, Q], the same of [B, Q, K].
 * Of rank 4 the second axis is the einsum's free one.
 */
const asEinsum: LayoutRule = (op, { b, layout }) => {
  const [x, y] = [operand(op, 'x'), operand(op, 'y')]
  const rank = x.type.shape.length
  const lead = ([[], [0], [0, 2]] as readonly (readonly Slot[])[])[rank - 2]
  if (!lead || rank < 3 || y.type.shape.length !== rank || ![x, y].every(value => layout.fits(value))) return false
  if (!sameShape(x.type.shape.slice(0, -2), y.type.shape.slice(0, -2))) return false
  const led = (value: Value) => layout.forms(value).some(({ slots }) => sameSlots(slots.slice(0, -2), lead))
  if (!led(x) && !led(y)) return false
  const matrixSlots = (turned: unknown): readonly Slot[] => (turned ? [...lead, 1, 3] : [...lead, 3, 1])
  const values = [layout.place(y, matrixSlots(op.attributes.transpose_y)), layout.place(x, matrixSlots(op.attributes.transpose_x))]
  layout.setPlaced(resultOf(op), b.einsum({ values, equation: 'bkhc,bchq->bkhq' }), [...lead, 3, 1])
  return true
}

export const matmul: LayoutRule = (op, lowering) => leadingBatch(op, lowering) || asEinsum(op, lowering)
