import { computedConstant, type Op, operand, slicedShape, type Value } from '@silane/core'
import type { Emitter } from '../emitter.ts'
import { input, number, numbers, result, type Spelling, type Spellings, text } from './spelling.ts'

/** The axes of size 1 without which `longer` is `shorter`; nothing where that is not the difference. */
function unitAxes(longer: readonly number[], shorter: readonly number[]): number[] | undefined {
  const axes: number[] = []
  for (const [axis, dim] of longer.entries()) {
    if (dim === shorter[axis - axes.length]) continue
    if (dim !== 1) return undefined
    axes.push(axis)
  }
  return longer.length - axes.length === shorter.length ? axes : undefined
}

/** Axes of size 1 that come or go are said by number, which any other size of the rest leaves true. */
const reshape: Spelling = (op, e) => {
  const from = operand(op, 'x').type.shape
  const to = result(op).type.shape
  const gone = from.length > to.length ? unitAxes(from, to) : undefined
  if (gone) return e.add('Squeeze', [input(op, e, 'x'), e.ints(gone)])
  const added = to.length > from.length ? unitAxes(to, from) : undefined
  if (added) return e.add('Unsqueeze', [input(op, e, 'x'), e.ints(added)])
  return e.add('Reshape', [input(op, e, 'x'), e.ints(to)])
}

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

/**
 * A scatter to begin, begin + 1, …: onnxruntime does it in place where x is not used again, as in a chain of writes to a cache,
 * and otherwise with one copy of x. Along one axis the indices broadcast; along several they are vectors of all leading axes.
 */
const sliceUpdate: Spelling = (op, e) => {
  const { shape } = operand(op, 'x').type
  const part = operand(op, 'update').type.shape
  const axes = shape.flatMap((dim, axis) => (part[axis] === dim ? [] : [axis]))
  const [axis, second] = axes
  const [x, update] = [input(op, e, 'x'), input(op, e, 'update')]
  if (axis === undefined) return e.add('Identity', [update])
  const begin = e.cast(input(op, e, 'begin'), 'int64')
  if (second === undefined) {
    const offsets = Array.from({ length: part[axis] as number }, (_, i) => i)
    const places = e.add('Add', [e.add('Gather', [begin, e.ints([axis])]), e.ints(offsets)])
    const along = e.add('Reshape', [places, e.ints(part.map((dim, i) => (i === axis ? dim : 1)))])
    return e.add('ScatterElements', [x, e.add('Expand', [along, e.ints(part)]), update], { axis })
  }
  const lead = part.slice(0, (axes.at(-1) as number) + 1)
  const depth = lead.length
  const strides = lead.map((_, i) => lead.slice(i + 1).reduce((product, dim) => product * dim, 1))
  const offset = (flat: number): number => {
    const i = flat % depth
    return Math.floor((flat - i) / depth / (strides[i] as number)) % (lead[i] as number)
  }
  const offsets = e.cast(e.initializer(computedConstant('int32', [...lead, depth], 'places', offset)), 'int64')
  const first = depth === shape.length ? begin : e.add('Slice', [begin, e.ints([0]), e.ints([depth])])
  return e.add('ScatterND', [x, e.add('Add', [offsets, first]), update])
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
  return value.type.dtype === 'int32' ? e.anyInteger(value) : e.cast(e.name(value), 'int32')
}

/** With batches, GatherND, which picks along the axis after them: x is turned so that this is the one meant, and the result back. */
const gather: Spelling = (op, e) => {
  const batch = number(op, 'batch_dims')
  if (batch === 0) return e.add('Gather', [input(op, e, 'x'), indices(op, e)], { axis: number(op, 'axis') })
  const rank = operand(op, 'x').type.shape.length
  const axis = number(op, 'axis') < 0 ? number(op, 'axis') + rank : number(op, 'axis')
  const between = axis - batch
  const width = operand(op, 'indices').type.shape.length - batch
  const vectors = e.add('Unsqueeze', [e.cast(indices(op, e), 'int64'), e.ints([-1])])
  const picked = (x: string) => e.add('GatherND', [x, vectors], { batch_dims: batch })
  if (between === 0) return picked(input(op, e, 'x'))
  const run = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
  const forth = [...run(0, batch), axis, ...run(batch, between), ...run(axis + 1, rank - axis - 1)]
  const back = [...run(0, batch), ...run(batch + width, between), ...run(batch, width), ...run(axis + width, rank - axis - 1)]
  return e.add('Transpose', [picked(e.add('Transpose', [input(op, e, 'x')], { perm: forth }))], { perm: back })
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
