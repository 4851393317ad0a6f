import { sizeOf } from '../constant.ts'
import { choice, defaulted, defineOp, many, one, optional, optionalWeight, required, weight } from '../op-definition.ts'
import { broadcast, demand, floats, oneOf, sameShape, sameType } from './shapes.ts'

/** Spatial sizes after a window has moved over them. */
export function windowed(
  input: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  padType: string,
  pad: readonly number[],
  dilations: readonly number[] = kernel.map(() => 1),
  ceil = false,
): number[] {
  return input.map((dim, i) => {
    const stride = strides[i] as number
    if (padType === 'same' || padType === 'same_lower') return Math.ceil(dim / stride)
    const padding = padType === 'custom' ? (pad[2 * i] as number) + (pad[2 * i + 1] as number) : 0
    const span = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1
    const room = dim + padding - span
    demand(room >= 0, () => `a window of ${span} does not fit into ${dim}`)
    if (!ceil) return Math.floor(room / stride) + 1
    const size = Math.ceil(room / stride) + 1
    return padding > 0 && (size - 1) * stride >= dim + (pad[2 * i] as number) ? size - 1 : size
  })
}

/** Products of matrices, and convolutions. */
export const linearAlgebra = {
  linear: defineOp({
    doc: 'x·Wᵀ + bias over the last axis; weight is [out, in], as a torch Linear stores it',
    operands: { x: one, weight, bias: optionalWeight },
    attributes: {},
    macs: ({ x }, _, result) => sizeOf(result.shape) * (x.shape.at(-1) as number),
    infer: ({ x, weight: w, bias }) => {
      oneOf(x, floats)
      sameType(x, w)
      demand(w.shape.length === 2, () => `the weight has rank ${w.shape.length}, not 2`)
      const [out, inner] = w.shape as [number, number]
      demand(x.shape.at(-1) === inner, () => `x ends in ${x.shape.at(-1)}, the weight takes ${inner}`)
      demand(!bias || sameShape(bias.shape, [out]), () => `the bias is [${bias?.shape}], not [${out}]`)
      return { dtype: x.dtype, shape: [...x.shape.slice(0, -1), out] }
    },
  }),
  matmul: defineOp({
    doc: 'matrix product over the last two axes, the others broadcast',
    operands: { x: one, y: one },
    attributes: { transpose_x: defaulted('bool', false), transpose_y: defaulted('bool', false) },
    macs: ({ x }, { transpose_x }, result) => sizeOf(result.shape) * (x.shape.at(transpose_x ? -2 : -1) as number),
    infer: ({ x, y }, { transpose_x, transpose_y }) => {
      oneOf(x, floats)
      sameType(x, y)
      demand(x.shape.length >= 2 && y.shape.length >= 2, 'operands of rank 1 are not supported')
      const turn = (shape: readonly number[], flag: boolean) => (flag ? [...shape.slice(0, -2), ...shape.slice(-2).reverse()] : shape)
      const a = turn(x.shape, transpose_x)
      const b = turn(y.shape, transpose_y)
      demand(a.at(-1) === b.at(-2), () => `[${a}] · [${b}]: inner sizes differ`)
      return { dtype: x.dtype, shape: [...broadcast(a.slice(0, -2), b.slice(0, -2)), a.at(-2) as number, b.at(-1) as number] }
    },
  }),
  einsum: defineOp({
    doc: 'Core ML has two patterns: nchw,nwhu->nchu and chw,whr->chr, under any letters',
    operands: { values: many },
    attributes: { equation: required('text') },
    macs: ({ values }, _, result) => sizeOf(result.shape) * (values[0]?.shape.at(-1) as number),
    infer: ({ values }, { equation }) => {
      demand(values.length === 2, 'einsum takes two operands')
      const [x, y] = values as [(typeof values)[0], (typeof values)[0]]
      sameType(x, y)
      oneOf(x, floats)
      const match = /^(.)?(.)(.)(.),(\1)?\4\3(.)->\1?\2\3\6$/.exec(equation)
      demand(match !== null && x.shape.length === y.shape.length, () => `equation ${equation} is not one that Core ML knows`)
      const rank = x.shape.length
      demand(rank === (match[1] === undefined ? 3 : 4), () => `operands of rank ${rank} for ${equation}`)
      demand(x.shape.at(-1) === y.shape.at(-3), () => `[${x.shape}] and [${y.shape}]: the contracted sizes differ`)
      const lead = rank === 4 ? broadcast(x.shape.slice(0, 1), y.shape.slice(0, 1)) : []
      const shared = broadcast([x.shape.at(-2) as number], [y.shape.at(-2) as number])
      return { dtype: x.dtype, shape: [...lead, x.shape.at(-3) as number, ...shared, y.shape.at(-1) as number] }
    },
  }),
  conv: defineOp({
    doc: 'convolution over 1 to 3 spatial axes; x is [N, Cin, …], weight [Cout, Cin/groups, …kernel]',
    operands: { x: one, weight, bias: optionalWeight },
    attributes: {
      strides: required('ints'),
      pad_type: choice(['valid', 'same', 'custom', 'same_lower'], 'valid'),
      pad: required('ints'),
      dilations: required('ints'),
      groups: defaulted('int', 1),
    },
    macs: ({ weight: w }, _, result) => sizeOf(result.shape) * sizeOf(w.shape.slice(1)),
    infer: ({ x, weight: w, bias }, { strides, pad_type, pad, dilations, groups }) => {
      oneOf(x, floats)
      sameType(x, w)
      const spatial = x.shape.length - 2
      demand(
        spatial >= 1 && spatial <= 3 && w.shape.length === x.shape.length,
        () => `x [${x.shape}] and weight [${w.shape}] do not go together`,
      )
      demand(
        x.shape[1] === (w.shape[1] as number) * groups,
        () => `x has ${x.shape[1]} channels, the weight takes ${(w.shape[1] as number) * groups}`,
      )
      demand(!bias || sameShape(bias.shape, [w.shape[0] as number]), () => `the bias is [${bias?.shape}], not [${w.shape[0]}]`)
      demand(
        strides.length === spatial && dilations.length === spatial && pad.length === 2 * spatial,
        'strides, dilations or pad have the wrong length',
      )
      return {
        dtype: x.dtype,
        shape: [
          x.shape[0] as number,
          w.shape[0] as number,
          ...windowed(x.shape.slice(2), w.shape.slice(2), strides, pad_type, pad, dilations),
        ],
      }
    },
  }),
  conv_transpose: defineOp({
    doc: 'the gradient of a convolution; weight [Cin, Cout/groups, …kernel]',
    operands: { x: one, weight, bias: optionalWeight },
    attributes: {
      strides: required('ints'),
      pad_type: choice(['valid', 'same', 'custom'], 'valid'),
      pad: required('ints'),
      dilations: required('ints'),
      groups: defaulted('int', 1),
    },
    macs: ({ x, weight: w }) => sizeOf(x.shape) * sizeOf(w.shape.slice(1)),
    infer: ({ x, weight: w, bias }, { strides, pad_type, pad, dilations, groups }) => {
      oneOf(x, floats)
      sameType(x, w)
      demand(x.shape[1] === w.shape[0], () => `x has ${x.shape[1]} channels, the weight takes ${w.shape[0]}`)
      const out = (w.shape[1] as number) * groups
      demand(!bias || sameShape(bias.shape, [out]), () => `the bias is [${bias?.shape}], not [${out}]`)
      const size = x.shape.slice(2).map((dim, i) => {
        const stride = strides[i] as number
        if (pad_type === 'same') return dim * stride
        const cut = pad_type === 'custom' ? (pad[2 * i] as number) + (pad[2 * i + 1] as number) : 0
        return stride * (dim - 1) + ((w.shape[2 + i] as number) - 1) * (dilations[i] as number) + 1 - cut
      })
      return { dtype: x.dtype, shape: [x.shape[0] as number, out, ...size] }
    },
  }),
  scaled_dot_product_attention: defineOp({
    doc: 'softmax(q·kᵀ/√E + attn_mask)·v; a bool mask keeps where it holds',
    operands: { query: one, key: one, value: one, attn_mask: optional },
    attributes: {},
    since: 8,
    macs: ({ query, key }, _, result) => (sizeOf(query.shape) + sizeOf(result.shape)) * (key.shape.at(-2) as number),
    infer: ({ query, key, value }) => {
      sameType(query, key, value)
      demand(query.shape.at(-1) === key.shape.at(-1), 'query and key differ in their last axis')
      demand(key.shape.at(-2) === value.shape.at(-2), 'key and value differ in length')
      return { dtype: query.dtype, shape: [...query.shape.slice(0, -1), value.shape.at(-1) as number] }
    },
  }),
}
