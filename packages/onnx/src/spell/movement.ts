import { computedConstant, type Op, operand, slicedShape, type Value } from '@silane/core'
import type { Emitter } from '../emitter.ts'
import { errors } from '../errors.ts'
import { input, number, numbers, result, type Spelling, type Spellings, text } from './spelling.ts'

const reshape: Spelling = (op, e) => e.add('Reshape', [input(op, e, 'x'), e.ints(result(op).type.shape)])

const values = (op: Op): readonly Value[] => op.operands.values as readonly Value[]

/** Beyond any axis, for slices that end before the first element. */
const BEFORE_FIRST = -(2 ** 31)

const slice: Spelling = (op, e) => {
  const { shape } = operand(op, 'x').type
  const a = op.attributes as {
    begin: number[]
    end: number[]
    stride?: number[]
    begin_mask?: boolean[]
    end_mask?: boolean[]
    squeeze_mask?: boolean[]
  }
  const parts = slicedShape(shape, a.begin, a.end, a.stride, a.begin_mask, a.end_mask, a.squeeze_mask)
  const cut = parts
    .map((part, axis) => ({ ...part, axis }))
    .filter(({ begin, end, stride, axis }) => begin !== 0 || end !== shape[axis] || stride !== 1)
  let x = input(op, e, 'x')
  if (cut.length > 0) {
    const ends = cut.map(({ end, stride }) => (stride < 0 && end < 0 ? BEFORE_FIRST : end))
    const bounds = [cut.map(({ begin }) => begin), ends, cut.map(({ axis }) => axis), cut.map(({ stride }) => stride)]
    x = e.add('Slice', [x, ...bounds.map(list => e.ints(list))])
  }
  const squeezed = shape.flatMap((_, axis) => (a.squeeze_mask?.[axis] ? [axis] : []))
  if (squeezed.length > 0) return e.add('Squeeze', [x, e.ints(squeezed)])
  return cut.length > 0 ? x : e.add('Identity', [x])
}

/** The update padded to x's shape, where a mask padded alike holds, and x elsewhere: exact for every type, at bounds known only when it runs. */
const sliceUpdate: Spelling = (op, e) => {
  const x = operand(op, 'x')
  const update = operand(op, 'update')
  const begin = e.cast(input(op, e, 'begin'), 'int64')
  const after = e.add('Sub', [e.ints(x.type.shape.map((dim, i) => dim - (update.type.shape[i] as number))), begin])
  const pads = e.add('Concat', [begin, after], { axis: 0 })
  const ones = e.initializer(computedConstant('fp32', update.type.shape, 'ones', () => 1))
  const inside = e.add('Greater', [e.add('Pad', [ones, pads]), e.scalar(0, { dtype: 'fp32', shape: [] })])
  return e.add('Where', [inside, e.add('Pad', [input(op, e, 'update'), pads]), input(op, e, 'x')])
}

const pad: Spelling = (op, e) => {
  const { shape } = operand(op, 'x').type
  const pairs = numbers(op, 'pad')
  const first = shape.length - pairs.length / 2
  const side = (offset: number) => shape.map((_, axis) => (axis < first ? 0 : (pairs[2 * (axis - first) + offset] as number)))
  const mode = text(op, 'mode') === 'replicate' ? 'edge' : text(op, 'mode')
  const pads = e.ints([...side(0), ...side(1)])
  const inputs = [input(op, e, 'x'), pads, ...(mode === 'constant' ? [e.scalar(number(op, 'constant_val'), result(op).type)] : [])]
  return e.add('Pad', inputs, { mode })
}

/** Indices as ONNX's gathers take them. */
const indices = (op: Op, e: Emitter): string => {
  const value = operand(op, 'indices')
  return value.type.dtype === 'int32' ? e.name(value) : e.cast(e.name(value), 'int32')
}

const gather: Spelling = (op, e) => {
  if (number(op, 'batch_dims') !== 0) throw errors.E_ONNX_SPELLING({ op: 'gather', problem: 'batch_dims is not 0' })
  return e.add('Gather', [input(op, e, 'x'), indices(op, e)], { axis: number(op, 'axis') })
}

export const movement: Spellings = {
  transpose: (op, e) => e.add('Transpose', [input(op, e, 'x')], { perm: numbers(op, 'perm') }),
  reshape,
  expand_dims: reshape,
  squeeze: reshape,
  concat: (op, e) =>
    e.add(
      'Concat',
      values(op).map(value => e.name(value)),
      { axis: number(op, 'axis') },
    ),
  stack: (op, e) => {
    const axis = number(op, 'axis') < 0 ? number(op, 'axis') + result(op).type.shape.length : number(op, 'axis')
    const parts = values(op).map(value => e.add('Unsqueeze', [e.name(value), e.ints([axis])]))
    return e.add('Concat', parts, { axis })
  },
  split: (op, e) =>
    e.addMany('Split', [input(op, e, 'x'), e.ints(numbers(op, 'split_sizes'))], { axis: number(op, 'axis') }, op.outputs.length),
  slice_by_index: slice,
  slice_update: sliceUpdate,
  tile: (op, e) => e.add('Tile', [input(op, e, 'x'), e.ints(numbers(op, 'reps'))]),
  pad,
  reverse: (op, e) => {
    const axes = numbers(op, 'axes')
    const each = (value: number) => e.ints(axes.map(() => value))
    return e.add('Slice', [input(op, e, 'x'), each(-1), each(BEFORE_FIRST), e.ints(axes), each(-1)])
  },
  gather,
  gather_along_axis: (op, e) => e.add('GatherElements', [input(op, e, 'x'), indices(op, e)], { axis: number(op, 'axis') }),
  gather_nd: (op, e) =>
    e.add('GatherND', [input(op, e, 'x'), e.cast(input(op, e, 'indices'), 'int64')], { batch_dims: number(op, 'batch_dims') }),
}
