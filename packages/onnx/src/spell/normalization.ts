import { computedConstant, type Op, operand, optionalOperand, type Value } from '@silane/core'
import type { Emitter } from '../emitter.ts'
import { padding } from './linear-algebra.ts'
import { flag, input, number, numbers, optionalInput, result, type Spelling, type Spellings, text } from './spelling.ts'

const reduction =
  (opType: string): Spelling =>
  (op, e) =>
    e.add(opType, [input(op, e, 'x'), e.ints(numbers(op, 'axes'))], { keepdims: flag(op, 'keep_dims') ? 1 : 0 })

/** ONNX gives indices as int64; the graph has int32. */
const arg =
  (opType: string): Spelling =>
  (op, e) =>
    e.cast(e.add(opType, [input(op, e, 'x')], { axis: number(op, 'axis'), keepdims: flag(op, 'keep_dims') ? 1 : 0 }), 'int32')

const filled = (e: Emitter, shape: readonly number[], value: number): string =>
  e.initializer(computedConstant('fp32', shape, `filled ${value}`, () => value))

const layerNorm: Spelling = (op, e) => {
  const x = operand(op, 'x')
  const rank = x.type.shape.length
  const axes = numbers(op, 'axes').map(axis => (axis < 0 ? axis + rank : axis))
  const shape = axes.map(axis => x.type.shape[axis] as number)
  const epsilon = number(op, 'epsilon')
  if (axes.at(-1) === rank - 1) {
    const gamma = optionalInput(op, e, 'gamma') || filled(e, shape, 1)
    return e.add('LayerNormalization', [e.name(x), gamma, optionalInput(op, e, 'beta')].filter(Boolean), {
      axis: axes[0] as number,
      epsilon: { float: epsilon },
    })
  }
  // LayerNormalization runs to the last axis; here the formula.
  const over = e.ints(axes)
  const centered = e.add('Sub', [e.name(x), e.add('ReduceMean', [e.name(x), over])])
  const variance = e.add('ReduceMean', [e.add('Mul', [centered, centered]), over])
  const normal = e.add('Div', [centered, e.add('Sqrt', [e.add('Add', [variance, e.scalar(epsilon, x.type)])])])
  const along = x.type.shape.map((dim, axis) => (axes.includes(axis) ? dim : 1))
  const shaped = (value: Value) => e.add('Reshape', [e.name(value), e.ints(along)])
  const [gamma, beta] = [optionalOperand(op, 'gamma'), optionalOperand(op, 'beta')]
  const scaled = gamma ? e.add('Mul', [normal, shaped(gamma)]) : normal
  return beta ? e.add('Add', [scaled, shaped(beta)]) : scaled
}

const channels = (op: Op): number => operand(op, 'x').type.shape[1] as number
const gammaAndBeta = (op: Op, e: Emitter): [string, string] => [
  optionalInput(op, e, 'gamma') || filled(e, [channels(op)], 1),
  optionalInput(op, e, 'beta') || filled(e, [channels(op)], 0),
]

const pool =
  (opType: string, extra: (op: Op) => Readonly<Record<string, number>>): Spelling =>
  (op, e) =>
    e.add(opType, [input(op, e, 'x')], {
      kernel_shape: numbers(op, 'kernel_sizes'),
      strides: numbers(op, 'strides'),
      ceil_mode: flag(op, 'ceil_mode') ? 1 : 0,
      ...padding(op, numbers(op, 'kernel_sizes')),
      ...extra(op),
    })

/** Core ML's sampling modes: where output i looks in an axis of `from` elements sampled `to` times. */
const positions: Readonly<Record<string, (i: number, from: number, to: number) => number>> = {
  STRICT_ALIGN_CORNERS: (i, from, to) => (i * (from - 1)) / Math.max(1, to - 1),
  ALIGN_CORNERS: (i, from, to) => (to === 1 ? (from - 1) / 2 : (i * (from - 1)) / (to - 1)),
  DEFAULT: (i, from, to) => (i * from) / to,
  UNALIGN_CORNERS: (i, from, to) => ((i + 0.5) * from) / to - 0.5,
  OFFSET_CORNERS: (i, from, to) => (i + 0.5) * (Math.max(1, from - 1) / to),
}

/** [to, from]: each row mixes the two elements beside a position, so that a product with it resamples an axis, in every mode alike. */
function interpolation(e: Emitter, mode: string, from: number, to: number): string {
  const at = positions[mode] as (i: number, from: number, to: number) => number
  const weight = (flat: number): number => {
    const position = Math.min(Math.max(at(Math.floor(flat / from), from, to), 0), from - 1)
    return Math.max(0, 1 - Math.abs(position - (flat % from)))
  }
  return e.initializer(computedConstant('fp32', [to, from], `resize ${mode}`, weight))
}

const resizeBilinear: Spelling = (op, e) => {
  const { shape } = operand(op, 'x').type
  const mode = text(op, 'sampling_mode')
  const rows = interpolation(e, mode, shape.at(-2) as number, number(op, 'target_size_height'))
  const columns = interpolation(e, mode, shape.at(-1) as number, number(op, 'target_size_width'))
  return e.add('MatMul', [e.add('MatMul', [rows, input(op, e, 'x')]), e.add('Transpose', [columns], { perm: [1, 0] })])
}

/** Each element repeated: an axis of size 1 beside both, tiled, and folded in. */
const upsampleNearest: Spelling = (op, e) => {
  const { shape } = operand(op, 'x').type
  const [h, w] = shape.slice(-2) as [number, number]
  const lead = shape.slice(0, -2)
  const apart = e.add('Reshape', [input(op, e, 'x'), e.ints([...lead, h, 1, w, 1])])
  const repeated = e.add('Tile', [
    apart,
    e.ints([...lead.map(() => 1), 1, number(op, 'scale_factor_height'), 1, number(op, 'scale_factor_width')]),
  ])
  return e.add('Reshape', [repeated, e.ints(result(op).type.shape)])
}

export const normalization: Spellings = {
  layer_norm: layerNorm,
  batch_norm: (op, e) =>
    e.add('BatchNormalization', [input(op, e, 'x'), ...gammaAndBeta(op, e), input(op, e, 'mean'), input(op, e, 'variance')], {
      epsilon: { float: number(op, 'epsilon') },
    }),
  instance_norm: (op, e) =>
    e.add('InstanceNormalization', [input(op, e, 'x'), ...gammaAndBeta(op, e)], { epsilon: { float: number(op, 'epsilon') } }),
  reduce_sum: reduction('ReduceSum'),
  reduce_mean: reduction('ReduceMean'),
  reduce_max: reduction('ReduceMax'),
  reduce_min: reduction('ReduceMin'),
  reduce_prod: reduction('ReduceProd'),
  reduce_sum_square: reduction('ReduceSumSquare'),
  reduce_l2_norm: reduction('ReduceL2'),
  reduce_log_sum_exp: reduction('ReduceLogSumExp'),
  reduce_argmax: arg('ArgMax'),
  reduce_argmin: arg('ArgMin'),
  topk: (op, e) => {
    const [found, indices] = e.addMany(
      'TopK',
      [input(op, e, 'x'), e.ints([number(op, 'k')])],
      { axis: number(op, 'axis'), largest: flag(op, 'ascending') ? 0 : 1 },
      2,
    )
    return [found as string, e.cast(indices as string, 'int32')]
  },
  max_pool: pool('MaxPool', () => ({})),
  avg_pool: pool('AveragePool', op => ({ count_include_pad: flag(op, 'exclude_padding_from_average') ? 0 : 1 })),
  upsample_nearest_neighbor: upsampleNearest,
  resize_bilinear: resizeBilinear,
  pixel_shuffle: (op, e) => e.add('DepthToSpace', [input(op, e, 'x')], { blocksize: number(op, 'upscale_factor'), mode: 'CRD' }),
}
