import {
  type Attribute,
  type AttributeKind,
  type Constant,
  computedConstant,
  type DType,
  denseConstant,
  readAll,
  scalarConstant,
  sizeOf,
  type TensorType,
} from '@silane/core'
import { MAX_PARAMETER } from './limits.ts'

/** What an adaptation sees of an op as it stands in the file. */
export interface RawOp {
  readonly types: Readonly<Record<string, TensorType>>
  /** Parameters that the file gives; the core's defaults are not filled in yet. */
  readonly attributes: Readonly<Record<string, Attribute>>
}

export interface AdaptedOp {
  readonly kind?: string
  readonly attributes: Readonly<Record<string, Attribute>>
}

/**
 * How an op as Core ML allows it becomes the op as the core has it, which knows one spelling of each thing: defaults
 * that differ, sizes that follow from the operands, and ops that are another op with other parameters.
 */
export interface Adaptation {
  /** Whose operands and attributes the op has; its own kind when missing. */
  readonly as?: string
  /** Further parameters that the file may have. */
  readonly extra?: Readonly<Record<string, AttributeKind>>
  /** May throw a TypeError with the reason why it cannot be adapted. */
  readonly apply: (op: RawOp) => AdaptedOp
  /** Replaces the operands `begin` and `end`, given as constants where they are, by others. */
  readonly bounds?: (
    name: 'begin' | 'end',
    bound: Constant | undefined,
    shape: readonly number[],
    attributes: RawOp['attributes'],
  ) => Constant | undefined
}

const shapeOf = (op: RawOp, operand = 'x'): readonly number[] => op.types[operand]?.shape ?? []
const ints = (value: Attribute | undefined): readonly number[] => (Array.isArray(value) ? value.map(Number) : [])
const flags = (value: Attribute | undefined): readonly boolean[] => (Array.isArray(value) ? value.map(Boolean) : [])
const allAxes = (op: RawOp): number[] => shapeOf(op).map((_, axis) => axis)

/** Fills in what the file may leave out. */
const defaults = (fill: (op: RawOp) => Record<string, Attribute>): Adaptation => ({
  apply: op => ({ attributes: { ...fill(op), ...op.attributes } }),
})

const overAllAxes = defaults(op => ({ axes: allAxes(op) }))

const window = (_op: RawOp, rank: number): Record<string, Attribute> => ({
  strides: Array<number>(rank).fill(1),
  pad: Array<number>(2 * rank).fill(0),
})

const spatialRank = (op: RawOp): number => Math.max(0, shapeOf(op).length - 2)
const pool = defaults(op => window(op, spatialRank(op)))
const convolution = defaults(op => ({ ...window(op, spatialRank(op)), dilations: Array<number>(spatialRank(op)).fill(1) }))

const reductions = 'reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_sum_square reduce_l2_norm reduce_log_sum_exp'.split(' ')

export const adaptations: Readonly<Record<string, Adaptation>> = {
  ...Object.fromEntries(reductions.map(kind => [kind, overAllAxes])),
  layer_norm: overAllAxes,
  reverse: overAllAxes,
  conv: convolution,
  // The declared type of the result says the same as output_shape.
  conv_transpose: {
    extra: { output_shape: 'ints' },
    apply: op => convolution.apply({ ...op, attributes: without(op.attributes, 'output_shape') }),
  },
  max_pool: pool,
  avg_pool: pool,
  log: defaults(() => ({ epsilon: 1e-45 })),
  rsqrt: defaults(() => ({ epsilon: 1e-12 })),
  inverse: defaults(() => ({ epsilon: 1e-4 })),
  resize_bilinear: defaults(() => ({ sampling_mode: 'DEFAULT', target_size_height: 1, target_size_width: 1 })),
  upsample_nearest_neighbor: defaults(() => ({ scale_factor_height: 1, scale_factor_width: 1 })),
  transpose: {
    apply: op => ({ attributes: { perm: ints(op.attributes.perm).map(axis => (axis < 0 ? axis + shapeOf(op).length : axis)) } }),
  },
  squeeze: defaults(op => ({ axes: allAxes(op).filter(axis => shapeOf(op)[axis] === 1) })),
  reshape: { apply: op => ({ attributes: { shape: reshaped(shapeOf(op), ints(op.attributes.shape)) } }) },
  flatten2d: {
    as: 'reshape',
    extra: { axis: 'int' },
    apply: op => {
      const shape = shapeOf(op)
      const axis = Number(op.attributes.axis ?? 1)
      return { attributes: { shape: [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))] } }
    },
  },
  split: {
    extra: { num_splits: 'int' },
    apply: op => {
      const { num_splits: parts, ...rest } = op.attributes
      const axis = Number(op.attributes.axis)
      const size = shapeOf(op).at(axis) ?? 0
      const equal =
        typeof parts === 'number' && parts > 0 && parts <= size && size % parts === 0 ? Array<number>(parts).fill(size / parts) : []
      const sizes = 'split_sizes' in rest ? ints(rest.split_sizes) : equal
      if (sizes.length === 0 || (parts !== undefined && sizes.length !== parts))
        throw new TypeError(`${size} cannot be split into ${parts}`)
      return sizes.length === 1 ? { kind: 'identity', attributes: {} } : { attributes: { ...rest, split_sizes: sizes } }
    },
  },
  slice_by_size: {
    as: 'slice_by_index',
    extra: { size: 'ints' },
    apply: op => {
      const shape = shapeOf(op)
      const begin = ints(op.attributes.begin).map((from, axis) => (from < 0 ? from + (shape[axis] ?? 0) : from))
      const size = ints(op.attributes.size)
      const end = begin.map((from, axis) => (size[axis] === -1 ? (shape[axis] ?? 0) : from + (size[axis] ?? 0)))
      return { attributes: { begin, end } }
    },
  },
  slice_update: {
    extra: { stride: 'ints', begin_mask: 'bools', end_mask: 'bools', squeeze_mask: 'bools' },
    apply: ({ attributes }) => {
      if (ints(attributes.stride).some(step => step !== 1)) throw new TypeError('strides other than 1 are not supported')
      if (flags(attributes.squeeze_mask).some(Boolean)) throw new TypeError('a squeeze_mask is not supported')
      return { attributes: {} }
    },
    // The core's slice_update has no masks: where they say something, begin and end become what they mean.
    bounds: (name, bound, shape, attributes) => {
      const mask = flags(attributes[`${name}_mask`])
      if (!mask.some(Boolean)) return undefined
      if (!bound) throw new TypeError(`${name}_mask beside a computed ${name} is not supported`)
      const values = numbersOf(bound).map((value, axis) => (mask[axis] ? (name === 'begin' ? 0 : (shape[axis] ?? 0)) : value))
      return denseConstant('int32', [values.length], Int32Array.from(values))
    },
  },
}

/** −1 is what is left over; 0 takes the dimension of the operand at the same place, counted from the right. */
function reshaped(from: readonly number[], wanted: readonly number[]): number[] {
  const shape = wanted.map((dim, i) => (dim === 0 ? (from[from.length - wanted.length + i] ?? 1) : dim))
  const known = sizeOf(shape.filter(dim => dim !== -1))
  return shape.map(dim => (dim === -1 ? sizeOf(from) / known : dim))
}

const without = (attributes: RawOp['attributes'], name: string): RawOp['attributes'] =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name))

/** What a constant is made of: parameters as constants, operands as types. */
export interface FoldInput {
  readonly constants: Readonly<Record<string, Constant>>
  readonly types: Readonly<Record<string, TensorType>>
}

export interface Folding {
  /** Parameters of which only the type counts. */
  readonly operands: readonly string[]
  /** Parameters that must be constant; those with a question mark may be missing. */
  readonly constants: readonly string[]
  readonly apply: (input: FoldInput) => Constant
}

function numbersOf(constant: Constant | undefined): number[] {
  if (!constant) return []
  const count = sizeOf(constant.shape)
  if (count > MAX_PARAMETER) throw new TypeError(`a parameter of ${count} elements`)
  return Array.from(readAll(constant) as Float64Array, Number)
}

const filled = (shape: readonly number[], value: Constant | undefined): Constant => {
  if (shape.some(dim => !(dim > 0))) throw new TypeError(`a shape of [${shape}]`)
  const dtype: DType = value?.dtype ?? 'fp32'
  const number = numbersOf(value)[0] ?? 0
  return computedConstant(dtype, shape, `fill:${number}`, () => number)
}

/** Ops that compute constants out of constants and static shapes, which is all that they can do in a static program. */
export const foldings: Readonly<Record<string, Folding>> = {
  shape: {
    operands: ['x'],
    constants: [],
    apply: ({ types }) => {
      const shape = types.x?.shape ?? []
      return computedConstant('int32', [shape.length], `shape:${shape}`, index => shape[index] ?? 0)
    },
  },
  fill: { operands: [], constants: ['shape', 'value?'], apply: ({ constants }) => filled(numbersOf(constants.shape), constants.value) },
  fill_like: {
    operands: ['ref_tensor'],
    constants: ['value?'],
    apply: ({ constants, types }) => filled(types.ref_tensor?.shape ?? [], constants.value),
  },
  range_1d: {
    operands: [],
    constants: ['start', 'end', 'step'],
    apply: ({ constants: { start, end, step } }) => {
      const [from = 0, to = 0, by = 0] = [start, end, step].map(constant => numbersOf(constant)[0])
      const count = Math.ceil((to - from) / by)
      if (!(count > 0) || !Number.isFinite(count)) throw new TypeError(`a range from ${from} to ${to} by ${by}`)
      const dtype: DType = start?.dtype ?? 'int32'
      if (count === 1) return { ...scalarConstant(dtype, from), shape: [1] }
      return computedConstant(dtype, [count], `range:${from},${by}`, index => from + index * by)
    },
  },
}
