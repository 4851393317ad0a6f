import { interpret } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { readUse, tensorsOf } from '../../core/test/read-use.ts'
import { engineNames } from '../src/engine.ts'
import { createRuntime } from '../src/index.ts'
import { elements, typeOf } from './run.ts'

// Uses beside the few of the core's table, wherever ONNX has a form of its own; the interpreter says what is right.
const sampling = ['DEFAULT', 'STRICT_ALIGN_CORNERS', 'ALIGN_CORNERS', 'OFFSET_CORNERS', 'UNALIGN_CORNERS']
const window = (kind: string, attributes: string) => `(x: fp32[1, 2, 7, 6]) ${kind}(x=%x, ${attributes})`

const uses: Readonly<Record<string, readonly string[]>> = {
  'integer arithmetic': [
    ...['floor_div', 'mod'].map(kind => `(x: int32[6] = -7 7 -8 8 -7 7, y: int32[6] = 2 2 4 -4 -2 -2) ${kind}(x=%x, y=%y)`),
    ...['add', 'sub', 'mul', 'maximum', 'minimum'].map(kind => `(x: int32[2, 1] = -7 7, y: int32[3] = 2 3 -4) ${kind}(x=%x, y=%y)`),
    '(x: int32[3] = 2 -3 4, y: int32[3] = 3 2 0) pow(x=%x, y=%y)',
    ...['equal', 'not_equal', 'less', 'less_equal', 'greater', 'greater_equal'].map(
      kind => `(x: int32[3] = 1 2 3, y: int32[3] = 2 2 2) ${kind}(x=%x, y=%y)`,
    ),
    ...['sum', 'max', 'min', 'prod', 'sum_square'].map(kind => `(x: int32[2, 3] = 1 -2 3 4 5 -6) reduce_${kind}(x=%x, axes=[1])`),
    ...['abs', 'sign', 'square'].map(kind => `(x: int32[3] = -3 0 2) ${kind}(x=%x)`),
    '(x: int32[2, 3] = 1 -2 3 4 5 -6) cumsum(x=%x, axis=-1, reverse=true, exclusive=true)',
    '(x: int32[2, 3] = 1 3 3 4 4 2) reduce_argmax(x=%x, axis=-1, keep_dims=true)',
    '(x: int32[2, 3] = 1 3 3 4 4 2) topk(x=%x, k=2)',
  ],
  'remainders of floats': ['(x: fp32[6] = -7 7 -7 7 -6.5 0, y: fp32[6] = 2 2 -2 -2 0.5 3) mod(x=%x, y=%y)'],
  'select of any type': ['fp32', 'int32', 'bool'].map(
    dtype => `(c: bool[2] = 1 0, a: ${dtype}[3, 2] = 1 0 1 1 0 0, b: ${dtype}[3, 2] = 0 1 0 1 1 1) select(cond=%c, a=%a, b=%b)`,
  ),
  'casts of narrow integers': [
    '(x: int32[3] = 0 200 255) cast(x=%x, dtype="uint8")',
    '(x: int32[3] = -128 0 127) cast(x=%x, dtype="int8")',
    '(x: int32[2] = 0 65535) cast(x=%x, dtype="uint16")',
    '(x: uint16[2] = 0 65535) cast(x=%x, dtype="int32")',
    '(x: bool[2] = 0 1) cast(x=%x, dtype="fp32")',
  ],
  'moves of any type': ['fp32', 'int32', 'bool', 'uint8', 'int16'].flatMap(dtype => [
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) transpose(x=%x, perm=[1, 0])`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) slice_by_index(x=%x, begin=[0, 2], end=[2, 0], stride=[1, -1], squeeze_mask=[false, false])`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) slice_by_index(x=%x, begin=[1, 2], end=[0, 0], stride=[-1, -2], end_mask=[true, true])`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) reverse(x=%x, axes=[0, -1])`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) reshape(x=%x, shape=[3, 2])`,
  ]),
  'splits and joins': ['fp32', 'int32', 'bool'].flatMap(dtype => [
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) split(x=%x, axis=-1, split_sizes=[1, 2])`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) concat(values=[%x, %x], axis=-1)`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) stack(values=[%x, %x], axis=-1)`,
    `(x: ${dtype}[2, 3] = 1 0 1 1 0 0) tile(x=%x, reps=[2, 1])`,
  ]),
  slice_update: ['fp32', 'int32', 'bool'].flatMap(dtype => [
    `(x: ${dtype}[2, 4], u: ${dtype}[2, 2] = 1 0 1 1, i: int32[2] = 0 1, j: int32[2] = 2 3) slice_update(x=%x, update=%u, begin=%i, end=%j)`,
    `(x: ${dtype}[2, 4], u: ${dtype}[1, 4] = 1 0 1 1, i: int32[2] = 1 0, j: int32[2] = 2 4) slice_update(x=%x, update=%u, begin=%i, end=%j)`,
    `(x: ${dtype}[3, 4], u: ${dtype}[2, 2] = 1 0 1 1, i: int32[2] = 1 2, j: int32[2] = 3 4) slice_update(x=%x, update=%u, begin=%i, end=%j)`,
    `(x: ${dtype}[3, 4, 2], u: ${dtype}[1, 2, 2] = 1 0 1 1, i: int32[3] = 2 1 0, j: int32[3] = 3 3 2) slice_update(x=%x, update=%u, begin=%i, end=%j)`,
    `(x: ${dtype}[1, 2], u: ${dtype}[1, 2] = 1 0, i: int32[2] = 0 0, j: int32[2] = 1 2) slice_update(x=%x, update=%u, begin=%i, end=%j)`,
  ]),
  gathers: [
    '(x: fp32[3, 2] = 1 2 3 4 5 6, i: int32[2, 2] = 2 0 1 1) gather(x=%x, indices=%i)',
    '(x: fp32[2, 3] = 1 2 3 4 5 6, i: int32[2] = 2 0) gather(x=%x, indices=%i, axis=-1)',
    '(x: bool[3] = 1 0 1, i: uint16[2] = 2 1) gather(x=%x, indices=%i)',
    '(x: fp32[2, 3] = 1 2 3 4 5 6, i: int32[2, 2] = 2 0 1 1) gather(x=%x, indices=%i, axis=1, batch_dims=1)',
    '(x: fp32[2, 2, 3] = 1 2 3 4 5 6 7 8 9 10 11 12, i: int32[2, 2] = 2 0 1 1) gather(x=%x, indices=%i, axis=2, batch_dims=1)',
    '(x: fp32[2, 2, 2, 3], i: int32[2, 1, 2] = 1 0 1 1) gather(x=%x, indices=%i, axis=-2, batch_dims=1)',
    '(x: int32[2, 2, 3] = 1 2 3 4 5 6 7 8 9 10 11 12, i: int32[2, 2, 2] = 2 0 1 1 0 0 2 2) gather(x=%x, indices=%i, axis=2, batch_dims=2)',
    '(x: fp32[2, 3] = 1 2 3 4 5 6, i: int16[2, 1] = 2 0) gather_along_axis(x=%x, indices=%i, axis=-1)',
    '(x: fp32[2, 3, 2], i: int32[2, 2, 1] = 2 0 1 1) gather_nd(x=%x, indices=%i, batch_dims=1)',
  ],
  resize_bilinear: sampling.flatMap(mode =>
    [
      [5, 7],
      [2, 3],
      [4, 3],
      [3, 8],
    ].map(
      ([h, w]) => `(x: fp32[1, 2, 4, 3]) resize_bilinear(x=%x, target_size_height=${h}, target_size_width=${w}, sampling_mode="${mode}")`,
    ),
  ),
  'resize_bilinear to one element': ['DEFAULT', 'ALIGN_CORNERS', 'OFFSET_CORNERS', 'UNALIGN_CORNERS'].map(
    mode => `(x: fp32[2, 4, 3]) resize_bilinear(x=%x, target_size_height=1, target_size_width=1, sampling_mode="${mode}")`,
  ),
  'scaling up': [
    '(x: fp32[2, 2, 3]) upsample_nearest_neighbor(x=%x, scale_factor_height=2, scale_factor_width=3)',
    '(x: fp32[1, 8, 2, 3]) pixel_shuffle(x=%x, upscale_factor=2)',
  ],
  pools: ['max_pool', 'avg_pool'].flatMap(kind => [
    window(kind, 'kernel_sizes=[3, 2], strides=[2, 2], pad=[0, 0, 0, 0]'),
    window(kind, 'kernel_sizes=[3, 2], strides=[2, 3], pad=[0, 0, 0, 0], pad_type="same"'),
    window(kind, 'kernel_sizes=[3, 3], strides=[2, 2], pad=[1, 1, 1, 1], pad_type="custom"'),
    window(kind, 'kernel_sizes=[3, 2], strides=[2, 2], pad=[1, 0, 0, 1], pad_type="custom"'),
    window(kind, 'kernel_sizes=[2, 2], strides=[2, 2], pad=[0, 0, 0, 0], ceil_mode=true'),
  ]),
  'pools that leave the padding out': [
    window('avg_pool', 'kernel_sizes=[3, 3], strides=[2, 2], pad=[1, 1, 1, 1], pad_type="custom", exclude_padding_from_average=true'),
    window('avg_pool', 'kernel_sizes=[3, 2], strides=[2, 3], pad=[0, 0, 0, 0], pad_type="same", exclude_padding_from_average=true'),
  ],
  convolutions: [
    '(x: fp32[1, 2, 5, 4], w: fp32[4, 1, 3, 2], b: fp32[4]) conv(x=%x, weight=%w, bias=%b, strides=[2, 1], pad=[1, 0, 0, 1], pad_type="custom", dilations=[1, 2], groups=2)',
    '(x: fp32[1, 2, 5, 4], w: fp32[3, 2, 3, 2]) conv(x=%x, weight=%w, strides=[2, 2], pad=[0, 0, 0, 0], pad_type="same", dilations=[1, 1])',
    '(x: fp32[1, 2, 5, 4], w: fp32[3, 2, 2, 2]) conv(x=%x, weight=%w, strides=[1, 1], pad=[0, 0, 0, 0], pad_type="same_lower", dilations=[2, 1])',
    '(x: fp32[1, 1, 3, 3, 3], w: fp32[2, 1, 2, 2, 2]) conv(x=%x, weight=%w, strides=[1, 1, 1], pad=[0, 0, 0, 0, 0, 0], dilations=[1, 1, 1])',
  ],
  'transposed convolutions': [
    '(x: fp32[1, 2, 3, 2], w: fp32[2, 3, 2, 2], b: fp32[3]) conv_transpose(x=%x, weight=%w, bias=%b, strides=[2, 2], pad=[0, 0, 0, 0], dilations=[1, 1])',
    '(x: fp32[1, 2, 3, 2], w: fp32[2, 1, 3, 2]) conv_transpose(x=%x, weight=%w, strides=[2, 1], pad=[1, 0, 0, 1], pad_type="custom", dilations=[1, 2], groups=2)',
    '(x: fp32[1, 1, 3], w: fp32[1, 1, 3]) conv_transpose(x=%x, weight=%w, strides=[2], pad=[0, 0], pad_type="same", dilations=[1])',
    '(x: fp32[1, 1, 3], w: fp32[1, 1, 4]) conv_transpose(x=%x, weight=%w, strides=[2], pad=[0, 0], pad_type="same", dilations=[1])',
  ],
  products: [
    '(x: fp32[2, 3, 4], w: fp32[5, 4], b: fp32[5]) linear(x=%x, weight=%w, bias=%b)',
    '(x: fp32[2, 1, 3, 4], w: fp32[5, 4]) linear(x=%x, weight=%w)',
    '(x: fp32[2, 1, 3, 4], y: fp32[3, 5, 4]) matmul(x=%x, y=%y, transpose_y=true)',
    '(x: fp32[2, 3, 2, 4], y: fp32[1, 4, 2, 5]) einsum(values=[%x, %y], equation="bchq,bqhk->bchk")',
    '(x: fp32[2, 3, 1, 4], y: fp32[2, 4, 2, 5]) einsum(values=[%x, %y], equation="nchw,nwhu->nchu")',
  ],
  norms: [
    '(x: fp32[1, 4, 1, 3], g: fp32[4], b: fp32[4]) layer_norm(x=%x, gamma=%g, beta=%b, axes=[1], epsilon=0.001)',
    '(x: fp32[2, 3, 4], g: fp32[3, 4]) layer_norm(x=%x, gamma=%g, axes=[-2, -1])',
    '(x: fp32[2, 3, 4], b: fp32[3]) layer_norm(x=%x, beta=%b, axes=[1])',
    '(x: fp32[1, 3] = 1001 1002 1003) layer_norm(x=%x, axes=[-1])',
    '(x: fp32[1, 3] = 100 100 100) layer_norm(x=%x, axes=[-1], epsilon=1e-12)',
    '(x: fp32[2, 2, 3]) instance_norm(x=%x)',
  ],
  paddings: ['constant', 'reflect', 'replicate'].map(
    mode => `(x: fp32[2, 3, 4]) pad(x=%x, pad=[1, 2, 2, 1], mode="${mode}", constant_val=7)`,
  ),
  'sums along the last axes': [
    ...['sum', 'mean', 'max', 'min', 'prod', 'sum_square', 'l2_norm', 'log_sum_exp'].map(
      kind => `(x: fp32[2, 3, 4]) reduce_${kind}(x=%x, axes=[-1, 0], keep_dims=true)`,
    ),
    '(x: fp32[2, 3] = 3 1 3 2 2 2) topk(x=%x, k=3, ascending=true)',
    '(x: fp32[2, 3] = 3 1 3 2 2 2) reduce_argmin(x=%x, axis=0)',
    '(i: int32[2, 2] = 0 1 2 0) one_hot(indices=%i, one_hot_vector_size=3, axis=1, on_value=3, off_value=-1)',
  ],
}

/** Inputs without elements get some that repeat rarely. */
const filled = (use: string): string =>
  use.replace(/(\w+): (fp32|int32|bool)\[([\d, ]+)\](?! =)(?=[,;)])/g, (_, name: string, dtype: string, shape: string) => {
    const count = shape.split(',').reduce((product, dim) => product * Number(dim), 1)
    const element = (i: number) =>
      dtype === 'fp32' ? (((i * 29 + name.charCodeAt(0)) % 23) - 11) / 8 : dtype === 'bool' ? (i >> 1) & 1 : i - 3
    return `${name}: ${dtype}[${shape}] = ${Array.from({ length: count }, (_, i) => element(i)).join(' ')}`
  })

describe.each(engineNames)('%s', engine => {
  const runtime = createRuntime({ engine })

  describe.each(Object.entries(uses))('%s', (_, list) => {
    it.each(list)('%s', async use => {
      const { graph, given } = readUse(filled(use))
      const inputs = tensorsOf(graph, given)
      const wanted = interpret(graph, inputs)
      const session = await runtime.open(graph)
      try {
        const results = await session.run(inputs)
        for (const { name, value } of graph.outputs) {
          expect(results[name]?.shape, typeOf(results[name]!)).toEqual(value.type.shape)
          const [a, b] = [elements(results[name]), elements(wanted[name])]
          for (const [i, x] of b.entries()) expect(a[i], `[${i}]: ${a} for ${b}`).toBeCloseTo(x, 4)
        }
      } finally {
        await session.close()
      }
    })

    // An op that only moves is not followed by a rounding: nothing may come out that fp16 does not have.
    it.each(list.filter(use => use.includes('fp32')))('rounded to fp16: %s', async use => {
      const { graph, given } = readUse(filled(use).replaceAll('fp32', 'fp16'))
      const session = await runtime.open(graph, { rounding: 'fp16' })
      try {
        const results = await session.run(tensorsOf(graph, given))
        for (const { name, value } of graph.outputs)
          if (value.type.dtype === 'fp16') expect(elements(results[name])).toEqual(elements(results[name]).map(Math.f16round))
      } finally {
        await session.close()
      }
    })
  })
})
