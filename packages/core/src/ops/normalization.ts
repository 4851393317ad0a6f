import type { TensorType } from '../graph/graph.ts'
import { choice, defaulted, defineOp, type OpTraits, one, optionalWeight, required, weight } from '../op-definition.ts'
import { windowed } from './linear-algebra.ts'
import { axisOf, demand, floats, numbers, oneOf, sameShape } from './shapes.ts'

const reduction = (doc: string, dtypes = numbers, traits: OpTraits = {}) =>
  defineOp({
    doc,
    operands: { x: one },
    attributes: { axes: required('ints'), keep_dims: defaulted('bool', false) },
    traits: { reduction: true, ...traits },
    infer: ({ x }, { axes, keep_dims }) => {
      oneOf(x, dtypes)
      demand(axes.length > 0, 'no axes to reduce')
      const gone = new Set(axes.map(axis => axisOf(axis, x.shape.length)))
      const shape = x.shape.map((dim, axis) => (gone.has(axis) ? 1 : dim))
      return { dtype: x.dtype, shape: keep_dims ? shape : shape.filter((_, axis) => !gone.has(axis)) }
    },
  })

const arg = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one },
    attributes: { axis: defaulted('int', -1), keep_dims: defaulted('bool', false) },
    infer: ({ x }, { axis, keep_dims }) => {
      oneOf(x, numbers)
      const at = axisOf(axis, x.shape.length)
      return { dtype: 'int32', shape: keep_dims ? x.shape.with(at, 1) : x.shape.toSpliced(at, 1) }
    },
  })

/** One number for each channel (axis 1) of x. */
function perChannel(x: TensorType, ...parts: readonly (TensorType | undefined)[]): void {
  for (const part of parts)
    demand(!part || sameShape(part.shape, [x.shape[1] as number]), () => `[${part?.shape}] for the channels of [${x.shape}]`)
}

/** Norms, reductions and pooling. */
export const normalization = {
  layer_norm: defineOp({
    doc: '(x − mean) / √(variance + epsilon) · gamma + beta over the given consecutive axes, biased variance',
    operands: { x: one, gamma: optionalWeight, beta: optionalWeight },
    attributes: { axes: required('ints'), epsilon: defaulted('float', 1e-5) },
    infer: ({ x, gamma, beta }, { axes }) => {
      oneOf(x, floats)
      const at = axes.map(axis => axisOf(axis, x.shape.length))
      demand(
        at.length > 0 && at.every((axis, i) => i === 0 || axis === (at[i - 1] as number) + 1),
        'axes are not ascending and consecutive',
      )
      const shape = at.map(axis => x.shape[axis] as number)
      for (const part of [gamma, beta])
        demand(!part || sameShape(part.shape, shape), () => `gamma or beta is [${part?.shape}], not [${shape}]`)
      return x
    },
  }),
  batch_norm: defineOp({
    doc: '(x − mean) / √(variance + epsilon) · gamma + beta per channel (axis 1)',
    operands: { x: one, mean: weight, variance: weight, gamma: optionalWeight, beta: optionalWeight },
    attributes: { epsilon: defaulted('float', 1e-5) },
    infer: ({ x, mean, variance, gamma, beta }) => {
      oneOf(x, floats)
      perChannel(x, mean, variance, gamma, beta)
      return x
    },
  }),
  instance_norm: defineOp({
    doc: 'layer_norm over the spatial axes of each channel',
    operands: { x: one, gamma: optionalWeight, beta: optionalWeight },
    attributes: { epsilon: defaulted('float', 1e-5) },
    infer: ({ x, gamma, beta }) => {
      oneOf(x, floats)
      perChannel(x, gamma, beta)
      return x
    },
  }),
  reduce_sum: reduction('Σ x'),
  reduce_mean: reduction('the mean of x', floats),
  reduce_max: reduction('the largest x', numbers, { selects: true }),
  reduce_min: reduction('the smallest x', numbers, { selects: true }),
  reduce_prod: reduction('Π x'),
  reduce_sum_square: reduction('Σ x²'),
  reduce_l2_norm: reduction('√Σ x²', floats),
  reduce_log_sum_exp: reduction('ln Σ eˣ', floats),
  reduce_argmax: arg('index of the largest element; the first of equals'),
  reduce_argmin: arg('index of the smallest element; the first of equals'),
  topk: defineOp({
    doc: 'the k largest (or smallest) elements along an axis, sorted, and their indices',
    operands: { x: one },
    attributes: { k: defaulted('int', 1), axis: defaulted('int', -1), ascending: defaulted('bool', false) },
    traits: { selects: true, narrow: true, several: true },
    infer: ({ x }, { k, axis }) => {
      const at = axisOf(axis, x.shape.length)
      demand(k >= 1 && k <= (x.shape[at] as number), () => `the ${k} largest of ${x.shape[at]}`)
      const shape = x.shape.with(at, k)
      return [
        { dtype: x.dtype, shape },
        { dtype: 'int32' as const, shape },
      ]
    },
  }),
  max_pool: defineOp({
    doc: 'the largest element of each window',
    operands: { x: one },
    attributes: {
      kernel_sizes: required('ints'),
      strides: required('ints'),
      pad_type: choice(['valid', 'same', 'custom', 'same_lower'], 'valid'),
      pad: required('ints'),
      ceil_mode: defaulted('bool', false),
    },
    traits: { selects: true },
    infer: ({ x }, a) => ({
      dtype: x.dtype,
      shape: [...x.shape.slice(0, 2), ...windowed(x.shape.slice(2), a.kernel_sizes, a.strides, a.pad_type, a.pad, undefined, a.ceil_mode)],
    }),
  }),
  avg_pool: defineOp({
    doc: 'the mean of each window',
    operands: { x: one },
    attributes: {
      kernel_sizes: required('ints'),
      strides: required('ints'),
      pad_type: choice(['valid', 'same', 'custom', 'same_lower'], 'valid'),
      pad: required('ints'),
      exclude_padding_from_average: defaulted('bool', false),
      ceil_mode: defaulted('bool', false),
    },
    infer: ({ x }, a) => ({
      dtype: x.dtype,
      shape: [...x.shape.slice(0, 2), ...windowed(x.shape.slice(2), a.kernel_sizes, a.strides, a.pad_type, a.pad, undefined, a.ceil_mode)],
    }),
  }),
  upsample_nearest_neighbor: defineOp({
    doc: 'the last two axes repeated by whole factors',
    operands: { x: one },
    attributes: { scale_factor_height: required('int'), scale_factor_width: required('int') },
    traits: { selects: true },
    infer: ({ x }, a) => ({
      dtype: x.dtype,
      shape: [
        ...x.shape.slice(0, -2),
        (x.shape.at(-2) as number) * a.scale_factor_height,
        (x.shape.at(-1) as number) * a.scale_factor_width,
      ],
    }),
  }),
  resize_bilinear: defineOp({
    doc: 'the last two axes resampled linearly; see the sampling modes of Core ML',
    operands: { x: one },
    attributes: {
      target_size_height: required('int'),
      target_size_width: required('int'),
      sampling_mode: choice(['DEFAULT', 'STRICT_ALIGN_CORNERS', 'ALIGN_CORNERS', 'OFFSET_CORNERS', 'UNALIGN_CORNERS'], 'UNALIGN_CORNERS'),
    },
    infer: ({ x }, a) => {
      oneOf(x, floats)
      return { dtype: x.dtype, shape: [...x.shape.slice(0, -2), a.target_size_height, a.target_size_width] }
    },
  }),
  pixel_shuffle: defineOp({
    doc: '[N, C·f², H, W] → [N, C, H·f, W·f] in torch order',
    operands: { x: one },
    attributes: { upscale_factor: required('int') },
    traits: { movement: true, selects: true },
    infer: ({ x }, { upscale_factor: f }) => {
      demand(x.shape.length === 4 && (x.shape[1] as number) % (f * f) === 0, () => `[${x.shape}] cannot be shuffled by ${f}`)
      const [n, c, h, w] = x.shape as [number, number, number, number]
      return { dtype: x.dtype, shape: [n, c / (f * f), h * f, w * f] }
    },
  }),
}
