import { Builder, computedConstant, type DType, definitionOf, type Graph, ops, type Value } from '@silane/core'

type Make = (b: Builder) => Value | readonly Value[]

const fp = (b: Builder, name = 'x', shape: readonly number[] = [2, 3, 4]) => b.input(name, 'fp16', shape)
const int = (b: Builder, name = 'i', shape: readonly number[] = [2, 3, 4]) => b.input(name, 'int32', shape)
const table = (b: Builder, shape: readonly number[], id = 'table') =>
  b.constant(computedConstant('fp16', shape, id, index => (index % 17) / 16 - 0.5))
const bool = (b: Builder, name = 'c') => b.greater({ x: fp(b, name), y: b.scalar(0, table(b, [1])) })
const image = (b: Builder) => fp(b, 'x', [1, 4, 6, 6])

const one =
  (kind: string): Make =>
  b =>
    b.emit(kind, { x: fp(b) })
const two =
  (kind: string): Make =>
  b =>
    b.emit(kind, { x: fp(b), y: fp(b, 'y', [3, 1]) })
const logic =
  (kind: string): Make =>
  b =>
    b.emit(kind, { x: bool(b), y: bool(b, 'd') })
const alpha =
  (kind: string): Make =>
  b =>
    b.emit(kind, { x: fp(b), alpha: 0.25 })
const alphaBeta =
  (kind: string): Make =>
  b =>
    b.emit(kind, { x: fp(b), alpha: 0.25, beta: 1.5 })
const reduce =
  (kind: string): Make =>
  b => [b.emit(kind, { x: fp(b), axes: [-1] })[0]!, b.emit(kind, { x: fp(b, 'y'), axes: [0, 2], keep_dims: true })[0]!]
const pool = { kernel_sizes: [2, 2], strides: [2, 2], pad: [0, 0, 0, 0] }

/** A small use of each op of the op level; several uses where an op has forms that are written differently. */
const uses: Record<string, Make | readonly Make[]> = {
  const: b => b.add({ x: fp(b, 'x', [12]), y: table(b, [12]) }),
  read_state: b => {
    const state = b.state('cache', 'fp16', [1, 2, 8, 4])
    return b.mul({ x: b.read_state({ input: state }), y: fp(b, 'x', [4]) })
  },
  write_state: b => {
    const state = b.state('cache', 'fp16', [1, 2, 8, 4])
    const next = b.add({ x: b.read_state({ input: state }), y: fp(b, 'x', [4]) })
    b.write_state({ input: state, data: next })
    return b.mul({ x: b.read_state({ input: state }), y: b.scalar(2, next) })
  },
  ...Object.fromEntries(
    'add sub mul real_div floor_div mod pow maximum minimum equal not_equal less less_equal greater greater_equal'
      .split(' ')
      .map(k => [k, two(k)]),
  ),
  ...Object.fromEntries('logical_and logical_or logical_xor'.split(' ').map(k => [k, logic(k)])),
  logical_not: b => b.logical_not({ x: bool(b) }),
  ...Object.fromEntries(
    'abs sign square exp exp2 sqrt erf floor ceil round sin cos tanh sigmoid relu relu6 silu softplus softsign identity log rsqrt inverse gelu softmax cumsum'
      .split(' ')
      .map(k => [k, one(k)]),
  ),
  ...Object.fromEntries('elu leaky_relu'.split(' ').map(k => [k, alpha(k)])),
  ...Object.fromEntries('clip clamped_relu sigmoid_hard linear_activation scaled_tanh'.split(' ').map(k => [k, alphaBeta(k)])),
  cast: [b => b.cast({ x: int(b), dtype: 'fp16' }), b => b.cast({ x: fp(b), dtype: 'int32' }), b => b.cast({ x: bool(b), dtype: 'fp32' })],
  select: b => b.select({ cond: bool(b), a: fp(b), b: fp(b, 'y') }),
  one_hot: b => b.one_hot({ indices: int(b, 'i', [2, 3]), one_hot_vector_size: 5 }),
  linear: [
    b => b.linear({ x: fp(b), weight: table(b, [5, 4]), bias: table(b, [5], 'bias') }),
    b => b.linear({ x: fp(b, 'x', [3, 4]), weight: table(b, [11, 4]) }),
  ],
  matmul: b => b.matmul({ x: fp(b), y: fp(b, 'y', [2, 5, 4]), transpose_y: true }),
  einsum: [
    b => b.einsum({ values: [fp(b, 'k', [1, 3, 2, 4]), fp(b, 'q', [1, 4, 2, 5])], equation: 'bkhc,bchq->bkhq' }),
    b => b.einsum({ values: [fp(b, 'k', [3, 2, 4]), fp(b, 'q', [4, 2, 5])], equation: 'chw,whr->chr' }),
  ],
  conv: [
    b =>
      b.conv({
        x: image(b),
        weight: table(b, [8, 4, 3, 3]),
        bias: table(b, [8], 'bias'),
        strides: [1, 1],
        pad: [1, 1, 1, 1],
        pad_type: 'custom',
        dilations: [1, 1],
      }),
    b => b.conv({ x: image(b), weight: table(b, [4, 1, 3, 3]), strides: [2, 2], pad: [0, 0, 0, 0], dilations: [1, 1], groups: 4 }),
    b => b.conv({ x: fp(b, 'x', [1, 4, 9]), weight: table(b, [2, 4, 3]), strides: [1], pad: [0, 0], pad_type: 'same', dilations: [2] }),
  ],
  conv_transpose: b =>
    b.conv_transpose({
      x: image(b),
      weight: table(b, [4, 3, 2, 2]),
      bias: table(b, [3], 'bias'),
      strides: [2, 2],
      pad: [0, 0, 0, 0],
      dilations: [1, 1],
    }),
  scaled_dot_product_attention: b =>
    b.scaled_dot_product_attention({
      query: fp(b, 'q', [1, 2, 3, 4]),
      key: fp(b, 'k', [1, 2, 5, 4]),
      value: fp(b, 'v', [1, 2, 5, 6]),
      attn_mask: fp(b, 'm', [1, 1, 3, 5]),
    }),
  layer_norm: [
    b => b.layer_norm({ x: fp(b), gamma: table(b, [4]), beta: table(b, [4], 'beta'), axes: [-1], epsilon: 1e-12 }),
    b => b.layer_norm({ x: fp(b, 'x', [1, 4, 1, 6]), axes: [1] }),
  ],
  batch_norm: b => b.batch_norm({ x: image(b), mean: table(b, [4]), variance: b.constant(computedConstant('fp16', [4], 'v', i => i + 1)) }),
  instance_norm: b => b.instance_norm({ x: image(b), gamma: table(b, [4]), beta: table(b, [4], 'beta') }),
  ...Object.fromEntries(
    'reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_sum_square reduce_l2_norm reduce_log_sum_exp'
      .split(' ')
      .map(k => [k, reduce(k)]),
  ),
  reduce_argmax: b => b.reduce_argmax({ x: fp(b), axis: 1 }),
  reduce_argmin: b => b.reduce_argmin({ x: fp(b), axis: -1, keep_dims: true }),
  topk: b => b.topk({ x: fp(b), k: 2, axis: -1 }),
  max_pool: b => b.max_pool({ x: image(b), ...pool }),
  avg_pool: b => b.avg_pool({ x: image(b), ...pool, pad_type: 'custom', exclude_padding_from_average: true }),
  upsample_nearest_neighbor: b => b.upsample_nearest_neighbor({ x: image(b), scale_factor_height: 2, scale_factor_width: 3 }),
  resize_bilinear: b => b.resize_bilinear({ x: image(b), target_size_height: 9, target_size_width: 7 }),
  pixel_shuffle: b => b.pixel_shuffle({ x: image(b), upscale_factor: 2 }),
  transpose: b => b.transpose({ x: fp(b), perm: [0, 2, 1] }),
  reshape: b => b.reshape({ x: fp(b), shape: [6, 4] }),
  expand_dims: b => b.expand_dims({ x: fp(b), axes: [1, -1] }),
  squeeze: b => b.squeeze({ x: fp(b, 'x', [1, 3, 1, 4]), axes: [0, -2] }),
  concat: [
    b => b.concat({ values: [fp(b), fp(b, 'y'), table(b, [2, 3, 4])], axis: 1 }),
    b => {
      const x = fp(b)
      return b.concat({ values: [x, x], axis: -1 })
    },
  ],
  stack: b => b.stack({ values: [fp(b), fp(b, 'y')], axis: 1 }),
  split: b => b.split({ x: fp(b, 'x', [2, 9]), axis: -1, split_sizes: [4, 3, 2] }),
  slice_by_index: [
    b => b.slice_by_index({ x: fp(b), begin: [0, 1, 0], end: [2, 3, 2] }),
    b =>
      b.slice_by_index({
        x: fp(b),
        begin: [0, 0, 3],
        end: [0, 0, 0],
        stride: [1, 1, -1],
        begin_mask: [true, false, false],
        end_mask: [true, false, true],
        squeeze_mask: [false, true, false],
      }),
  ],
  slice_update: b =>
    b.slice_update({ x: fp(b, 'x', [1, 2, 8, 4]), update: fp(b, 'u', [1, 2, 1, 4]), begin: int(b, 'begin', [4]), end: int(b, 'end', [4]) }),
  tile: b => b.tile({ x: fp(b), reps: [1, 2, 3] }),
  pad: [b => b.pad({ x: fp(b), pad: [1, 2] }), b => b.pad({ x: fp(b, 'x', [2, 5, 5]), pad: [1, 1, 2, 2], mode: 'reflect' })],
  reverse: b => b.reverse({ x: fp(b), axes: [1] }),
  gather: [
    b => b.gather({ x: table(b, [9, 4]), indices: int(b, 'i', [2, 3]) }),
    b => b.gather({ x: fp(b, 'x', [2, 5, 3]), indices: int(b, 'i', [2, 4]), axis: 1, batch_dims: 1 }),
  ],
  gather_along_axis: b => b.gather_along_axis({ x: fp(b), indices: int(b, 'i', [2, 5, 4]), axis: 1 }),
  gather_nd: b => b.gather_nd({ x: fp(b), indices: int(b, 'i', [5, 2]) }),
}

/** Types that apps can hold: everything else is cast before it goes out. */
const bordering: readonly DType[] = ['fp16', 'fp32', 'int32']

export interface Sample {
  readonly name: string
  readonly kind: string
  readonly since: number
  readonly graph: Graph
}

/** Every op kind of the op level, in a graph of its own. */
export function samples(): Sample[] {
  const kinds = Object.keys(ops).filter(kind => definitionOf(kind)?.level === 'mil')
  return kinds.flatMap(kind => {
    const makes = [uses[kind] ?? []].flat() as Make[]
    if (makes.length === 0) throw new Error(`no sample of ${kind}`)
    return makes.map((make, i) => {
      const b = new Builder('main')
      const results = ([make(b)].flat() as Value[]).map(value => {
        const typed = bordering.includes(value.type.dtype) ? value : b.cast({ x: value, dtype: 'int32' })
        return typed.type.shape.length > 0 ? typed : b.reshape({ x: typed, shape: [1] })
      })
      // Under the values' own names: a graph whose outputs are named otherwise comes back renamed.
      const graph = b.finish(Object.fromEntries(results.map(value => [value.name, value])))
      const since = Math.max(6, ...graph.ops.map(op => definitionOf(op.kind)?.since ?? 0))
      return { name: makes.length > 1 ? `${kind}_${i}` : kind, kind, since, graph }
    })
  })
}
