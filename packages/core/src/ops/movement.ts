import { sizeOf } from '../constant.ts'
import type { DType } from '../dtype.ts'
import type { TensorType } from '../graph/graph.ts'
import { absent, choice, defaulted, defineOp, many, one, required } from '../op-definition.ts'
import { axisOf, demand, floats, movable, oneOf, sameShape, sameType } from './shapes.ts'

const indexTypes: readonly DType[] = ['int32', 'int16', 'uint16', 'int8', 'uint8']

/** The part of `shape` that begin, end, stride and the masks pick, before squeezing. */
export function slicedShape(
  shape: readonly number[],
  begin: readonly number[],
  end: readonly number[],
  stride: readonly number[] = shape.map(() => 1),
  beginMask: readonly boolean[] = [],
  endMask: readonly boolean[] = [],
  squeezeMask: readonly boolean[] = [],
): { begin: number; end: number; stride: number; size: number }[] {
  demand(begin.length === shape.length && end.length === shape.length, () => `begin or end does not have the rank of [${shape}]`)
  return shape.map((dim, axis) => {
    const step = stride[axis] ?? 1
    demand(step !== 0, 'a stride is 0')
    const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + dim : value, step < 0 ? -1 : 0), step < 0 ? dim - 1 : dim)
    const from = beginMask[axis] ? (step < 0 ? dim - 1 : 0) : clamp(begin[axis] as number)
    if (squeezeMask[axis]) {
      const index = beginMask[axis] ? 0 : (begin[axis] as number)
      demand(index >= -dim && index < dim, () => `no index ${index} on axis ${axis} of [${shape}]`)
    }
    if (squeezeMask[axis]) return { begin: from, end: from + 1, stride: 1, size: 1 }
    const to = endMask[axis] ? (step < 0 ? -1 : dim) : clamp(end[axis] as number)
    const size = Math.max(0, Math.ceil((to - from) / step))
    demand(size > 0, () => `an empty slice of axis ${axis} of [${shape}]`)
    return { begin: from, end: to, stride: step, size }
  })
}

/** The first `count` axes, at most `most`, of both alike. */
function sameBatch(x: TensorType, indices: TensorType, count: number, most: number): void {
  demand(
    count >= 0 && count <= most && sameShape(x.shape.slice(0, count), indices.shape.slice(0, count)),
    () => `${count} batch axes of [${x.shape}] and [${indices.shape}]`,
  )
}

/** Ops that move elements without computing: layout, slices, gathers. */
export const movement = {
  transpose: defineOp({
    doc: 'axes in another order',
    operands: { x: one },
    attributes: { perm: required('ints') },
    traits: { movement: true, selects: true, narrow: true },
    infer: ({ x }, { perm }) => {
      oneOf(x, movable)
      demand(
        perm.toSorted((a, b) => a - b).every((axis, i) => axis === i) && perm.length === x.shape.length,
        () => `perm [${perm}] for [${x.shape}]`,
      )
      return { dtype: x.dtype, shape: perm.map(axis => x.shape[axis] as number) }
    },
  }),
  reshape: defineOp({
    doc: 'the same elements under another shape, every dimension given',
    operands: { x: one },
    attributes: { shape: required('ints') },
    traits: { movement: true, reshaping: true, selects: true, narrow: true },
    infer: ({ x }, { shape }) => {
      oneOf(x, movable)
      demand(shape.every(dim => dim > 0) && sizeOf(shape) === sizeOf(x.shape), () => `[${x.shape}] cannot be [${shape}]`)
      return { dtype: x.dtype, shape }
    },
  }),
  expand_dims: defineOp({
    doc: 'axes of size 1 inserted; they count in the result',
    operands: { x: one },
    attributes: { axes: required('ints') },
    traits: { movement: true, reshaping: true, selects: true, narrow: true },
    infer: ({ x }, { axes }) => {
      const rank = x.shape.length + axes.length
      const added = new Set(axes.map(axis => axisOf(axis, rank)))
      demand(added.size === axes.length, () => `axes [${axes}] repeat`)
      const rest = [...x.shape]
      return { dtype: x.dtype, shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() as number))) }
    },
  }),
  squeeze: defineOp({
    doc: 'axes of size 1 removed',
    operands: { x: one },
    attributes: { axes: required('ints') },
    traits: { movement: true, reshaping: true, selects: true, narrow: true },
    infer: ({ x }, { axes }) => {
      const gone = new Set(axes.map(axis => axisOf(axis, x.shape.length)))
      demand(
        [...gone].every(axis => x.shape[axis] === 1),
        () => `axes [${axes}] of [${x.shape}] are not all 1`,
      )
      return { dtype: x.dtype, shape: x.shape.filter((_, axis) => !gone.has(axis)) }
    },
  }),
  concat: defineOp({
    doc: 'values one after the other along an axis',
    operands: { values: many },
    attributes: { axis: required('int'), interleave: defaulted('bool', false) },
    traits: { movement: true, selects: true, narrow: true },
    infer: ({ values }, { axis, interleave }) => {
      const [first] = values
      demand(first !== undefined, 'nothing to concatenate')
      demand(!interleave, 'interleave is not supported')
      sameType(...values)
      const at = axisOf(axis, first.shape.length)
      for (const value of values)
        demand(
          sameShape(value.shape.with(at, 1), first.shape.with(at, 1)),
          () => `[${value.shape}] beside [${first.shape}] along axis ${at}`,
        )
      return {
        dtype: first.dtype,
        shape: first.shape.with(
          at,
          values.reduce((sum, value) => sum + (value.shape[at] as number), 0),
        ),
      }
    },
  }),
  stack: defineOp({
    doc: 'values of one shape along a new axis',
    operands: { values: many },
    attributes: { axis: required('int') },
    traits: { movement: true, selects: true, narrow: true },
    infer: ({ values }, { axis }) => {
      const [first] = values
      demand(first !== undefined && values.every(value => sameShape(value.shape, first.shape)), 'shapes differ')
      sameType(...values)
      return { dtype: first.dtype, shape: first.shape.toSpliced(axisOf(axis, first.shape.length + 1), 0, values.length) }
    },
  }),
  split: defineOp({
    doc: 'pieces of the given sizes along an axis',
    operands: { x: one },
    attributes: { axis: required('int'), split_sizes: required('ints') },
    traits: { movement: true, selects: true, several: true },
    infer: ({ x }, { axis, split_sizes }) => {
      const at = axisOf(axis, x.shape.length)
      demand(split_sizes.length > 1, 'a split into one piece')
      demand(split_sizes.reduce((sum, size) => sum + size, 0) === x.shape[at], () => `pieces [${split_sizes}] of ${x.shape[at]}`)
      return split_sizes.map(size => ({ dtype: x.dtype, shape: x.shape.with(at, size) }))
    },
  }),
  slice_by_index: defineOp({
    doc: 'a strided part; the masks mean from the start, to the end, take one element and drop the axis',
    operands: { x: one },
    attributes: {
      begin: required('ints'),
      end: required('ints'),
      stride: absent('ints'),
      begin_mask: absent('bools'),
      end_mask: absent('bools'),
      squeeze_mask: absent('bools'),
    },
    traits: { movement: true, selects: true, narrow: true },
    infer: ({ x }, a) => {
      oneOf(x, movable)
      const picked = slicedShape(x.shape, a.begin, a.end, a.stride, a.begin_mask, a.end_mask, a.squeeze_mask)
      return { dtype: x.dtype, shape: picked.filter((_, axis) => !a.squeeze_mask?.[axis]).map(part => part.size) }
    },
  }),
  slice_update: defineOp({
    doc: 'x with the part from begin to end replaced by update; begin and end may be computed',
    operands: { x: one, update: one, begin: one, end: one },
    attributes: {},
    since: 8,
    traits: { selects: true, narrow: true },
    infer: ({ x, update, begin, end }) => {
      sameType(x, update)
      oneOf(begin, ['int32'], 'begin')
      for (const bound of [begin, end]) demand(sameShape(bound.shape, [x.shape.length]), () => `begin or end is [${bound.shape}]`)
      demand(
        update.shape.length === x.shape.length && update.shape.every((dim, i) => dim <= (x.shape[i] as number)),
        () => `[${update.shape}] does not fit into [${x.shape}]`,
      )
      return x
    },
  }),
  tile: defineOp({
    doc: 'repeats along every axis',
    operands: { x: one },
    attributes: { reps: required('ints') },
    traits: { movement: true, selects: true },
    infer: ({ x }, { reps }) => {
      demand(reps.length === x.shape.length && reps.every(n => n > 0), () => `reps [${reps}] for [${x.shape}]`)
      return { dtype: x.dtype, shape: x.shape.map((dim, i) => dim * (reps[i] as number)) }
    },
  }),
  pad: defineOp({
    doc: 'elements added before and after the last axes: pairs (before, after)',
    operands: { x: one },
    attributes: {
      pad: required('ints'),
      mode: choice(['constant', 'reflect', 'replicate'], 'constant'),
      constant_val: defaulted('float', 0),
    },
    infer: ({ x }, { pad }) => {
      oneOf(x, floats)
      const first = x.shape.length - pad.length / 2
      demand(first >= 0 && pad.length % 2 === 0, () => `pad [${pad}] for [${x.shape}]`)
      return {
        dtype: x.dtype,
        shape: x.shape.map((dim, i) => (i < first ? dim : dim + (pad[2 * (i - first)] as number) + (pad[2 * (i - first) + 1] as number))),
      }
    },
  }),
  reverse: defineOp({
    doc: 'the elements of some axes in reverse order',
    operands: { x: one },
    attributes: { axes: required('ints') },
    traits: { movement: true, selects: true, narrow: true },
    infer: ({ x }, { axes }) => {
      for (const axis of axes) axisOf(axis, x.shape.length)
      return x
    },
  }),
  gather: defineOp({
    doc: 'slices of x at indices along an axis; an embedding table has axis 0',
    operands: { x: one, indices: one },
    attributes: { axis: defaulted('int', 0), batch_dims: defaulted('int', 0), validate_indices: defaulted('bool', false) },
    traits: { selects: true, narrow: true },
    infer: ({ x, indices }, { axis, batch_dims }) => {
      oneOf(indices, indexTypes, 'indices')
      const at = axisOf(axis, x.shape.length)
      sameBatch(x, indices, batch_dims, at)
      return { dtype: x.dtype, shape: [...x.shape.slice(0, at), ...indices.shape.slice(batch_dims), ...x.shape.slice(at + 1)] }
    },
  }),
  gather_along_axis: defineOp({
    doc: 'elements at indices along one axis, position by position',
    operands: { x: one, indices: one },
    attributes: { axis: defaulted('int', 0), validate_indices: defaulted('bool', false) },
    traits: { selects: true, narrow: true },
    infer: ({ x, indices }, { axis }) => {
      oneOf(indices, indexTypes, 'indices')
      const at = axisOf(axis, x.shape.length)
      demand(indices.shape.length === x.shape.length, 'ranks differ')
      demand(sameShape(indices.shape.with(at, 1), x.shape.with(at, 1)), () => `indices [${indices.shape}] for [${x.shape}]`)
      return { dtype: x.dtype, shape: indices.shape }
    },
  }),
  gather_nd: defineOp({
    doc: 'slices of x at index vectors',
    operands: { x: one, indices: one },
    attributes: { batch_dims: defaulted('int', 0), validate_indices: defaulted('bool', false) },
    traits: { selects: true, narrow: true },
    infer: ({ x, indices }, { batch_dims }) => {
      oneOf(indices, indexTypes, 'indices')
      const depth = indices.shape.at(-1) as number
      sameBatch(x, indices, batch_dims, indices.shape.length - 1)
      demand(depth >= 1 && batch_dims + depth <= x.shape.length, () => `index vectors of ${depth} for [${x.shape}]`)
      return { dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batch_dims + depth)] }
    },
  }),
}
