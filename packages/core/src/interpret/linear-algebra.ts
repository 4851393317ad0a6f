import type { linearAlgebra as ops } from '../ops/linear-algebra.ts'
import { alongAxis, at, fill, type SemanticsOf, softmax, sum, sumOver, type Tensor } from './tensor.ts'

/** Elements before the first one of each spatial axis that a window sees. */
export function padBefore(
  input: readonly number[],
  output: readonly number[],
  spans: readonly number[],
  a: { readonly strides: readonly number[]; readonly pad_type: string; readonly pad: readonly number[] },
): number[] {
  return input.map((dim, axis) => {
    if (a.pad_type === 'valid') return 0
    if (a.pad_type === 'custom') return a.pad[2 * axis] as number
    const total = Math.max(0, ((output[axis] as number) - 1) * (a.strides[axis] as number) + (spans[axis] as number) - dim)
    return a.pad_type === 'same' ? Math.floor(total / 2) : Math.ceil(total / 2)
  })
}

export const inside = (index: readonly number[], shape: readonly number[]): boolean =>
  index.every((i, axis) => i >= 0 && i < (shape[axis] as number))

const biasAt = (bias: Tensor | undefined, channel: number): number => (bias ? (bias.data[channel] as number) : 0)

/** What products and convolutions compute. */
export const linearAlgebra: SemanticsOf<typeof ops> = {
  linear: ({ x, weight, bias }, _, shape) => {
    const width = x.shape.at(-1) as number
    return fill(shape, index => {
      const out = index.at(-1) as number
      const row = index.slice(0, -1)
      return biasAt(bias, out) + sum(width, k => at(x, [...row, k]) * at(weight, [out, k]))
    })
  },
  matmul: ({ x, y }, { transpose_x, transpose_y }, shape) => {
    const inner = x.shape.at(transpose_x ? -2 : -1) as number
    return fill(shape, index => {
      const [lead, i, j] = [index.slice(0, -2), index.at(-2) as number, index.at(-1) as number]
      const left = (k: number) => at(x, [...lead, ...(transpose_x ? [k, i] : [i, k])])
      const right = (k: number) => at(y, [...lead, ...(transpose_y ? [j, k] : [k, j])])
      return sum(inner, k => left(k) * right(k))
    })
  },
  einsum: ({ values }, _, shape) => {
    const [x, y] = values as [Tensor, Tensor]
    return fill(shape, index => {
      const lead = index.slice(0, -3)
      const [c, h, u] = index.slice(-3) as [number, number, number]
      return sum(x.shape.at(-1) as number, w => at(x, [...lead, c, h, w]) * at(y, [...lead, w, h, u]))
    })
  },
  conv: ({ x, weight, bias }, a, shape) => {
    const [count, inner, ...kernel] = weight.shape as [number, number, ...number[]]
    const size = x.shape.slice(2)
    const spans = kernel.map((k, axis) => (k - 1) * (a.dilations[axis] as number) + 1)
    const before = padBefore(size, shape.slice(2), spans, a)
    return fill(shape, ([n, out, ...place]) => {
      const first = Math.floor((out as number) / (count / a.groups)) * inner
      const total = sumOver([inner, ...kernel], ([c, ...k]) => {
        const from = place.map(
          (p, i) => p * (a.strides[i] as number) + (k[i] as number) * (a.dilations[i] as number) - (before[i] as number),
        )
        return inside(from, size)
          ? at(x, [n as number, first + (c as number), ...from]) * at(weight, [out as number, c as number, ...k])
          : 0
      })
      return biasAt(bias, out as number) + total
    })
  },
  conv_transpose: ({ x, weight, bias }, a, shape) => {
    const [count, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
    const size = x.shape.slice(2)
    const before = size.map((dim, axis) => {
      if (a.pad_type !== 'same') return a.pad_type === 'custom' ? (a.pad[2 * axis] as number) : 0
      const full = (a.strides[axis] as number) * (dim - 1) + ((kernel[axis] as number) - 1) * (a.dilations[axis] as number) + 1
      return Math.floor((full - (shape[2 + axis] as number)) / 2)
    })
    const inner = count / a.groups
    return fill(shape, ([n, out, ...place]) => {
      const group = Math.floor((out as number) / perGroup)
      const total = sumOver([inner, ...kernel], ([c, ...k]) => {
        const from = place.map(
          (p, i) => (p + (before[i] as number) - (k[i] as number) * (a.dilations[i] as number)) / (a.strides[i] as number),
        )
        if (!from.every(Number.isInteger) || !inside(from, size)) return 0
        const channel = group * inner + (c as number)
        return at(x, [n as number, channel, ...from]) * at(weight, [channel, (out as number) % perGroup, ...k])
      })
      return biasAt(bias, out as number) + total
    })
  },
  scaled_dot_product_attention: ({ query, key, value, attn_mask: mask }, _, shape) => {
    const width = query.shape.at(-1) as number
    const keys = key.shape.at(-2) as number
    const scores = fill([...shape.slice(0, -1), keys], index => {
      const [lead, i, j] = [index.slice(0, -2), index.at(-2) as number, index.at(-1) as number]
      const score = sum(width, k => at(query, [...lead, i, k]) * at(key, [...lead, j, k])) / Math.sqrt(width)
      if (!mask) return score
      const entry = at(mask, index)
      return mask.dtype === 'bool' ? (entry === 0 ? Number.NEGATIVE_INFINITY : score) : score + entry
    })
    const scored: Tensor = { dtype: 'fp64', shape: [...shape.slice(0, -1), keys], data: scores }
    const weights: Tensor = { ...scored, data: alongAxis(scored, -1, softmax) }
    return fill(shape, index => {
      const [row, c] = [index.slice(0, -1), index.at(-1) as number]
      return sum(keys, j => at(weights, [...row, j]) * at(value, [...row.slice(0, -1), j, c]))
    })
  },
}
