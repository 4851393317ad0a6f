import type { composites as ops } from '../ops/composites.ts'
import { alongAxis, at, type Elements, fill, grouped, type SemanticsOf, softmax, sum, type Tensor } from './tensor.ts'

/** softmax(score)·value for each head and query, as [B, queries, heads·d]. */
function attend(
  shape: readonly number[],
  heads: number,
  keys: number,
  score: (batch: number, head: number, query: number, key: number) => number,
  value: (batch: number, key: number, channel: number) => number,
): Elements {
  const [batch, queries, width] = shape as [number, number, number]
  const scored = [batch, heads, queries, keys]
  const scores = {
    dtype: 'fp64',
    shape: scored,
    data: fill(scored, index => score(...(index as [number, number, number, number]))),
  } as const
  const weights: Tensor = { ...scores, data: alongAxis(scores, -1, softmax) }
  return fill(shape, index => {
    const [b, i, c] = index as [number, number, number]
    return sum(keys, j => at(weights, [b, Math.floor(c / (width / heads)), i, j]) * value(b, j, c))
  })
}

/** What is added where a mask drops. */
const dropped = (mask: Tensor | undefined, index: readonly number[], masked: number): number => (mask ? (1 - at(mask, index)) * masked : 0)
const added = (bias: Tensor | undefined, index: readonly number[]): number => (bias ? at(bias, index) : 0)

/** What the composites compute, from their formulas and not from their expansions. */
export const composites: SemanticsOf<typeof ops> = {
  rms_norm: ({ x, gamma }, { epsilon }, shape) => {
    const { groups, groupOf } = grouped(x, [-1])
    const scales = groups.map(line => 1 / Math.sqrt(line.reduce((total, v) => total + v * v, 0) / line.length + epsilon))
    let flat = 0
    return fill(shape, index => at(x, index) * (scales[groupOf[flat++] as number] as number) * at(gamma, index))
  },
  attention: (t, { heads, scale, masked, scale_relative }, shape) => {
    const size = (t.query.shape[2] as number) / heads
    const score = (b: number, h: number, i: number, j: number): number => {
      const q = (d: number) => at(t.query, [b, i, h * size + d])
      const k = (d: number) => at(t.key, [b, j, h * size + d])
      const product = sum(size, d => q(d) * k(d))
      const { relative_query: ofQuery, relative_key: ofKey } = t
      const relative = sum(size, d => (ofQuery ? q(d) * at(ofQuery, [i, j, d]) : 0) + (ofKey ? k(d) * at(ofKey, [i, j, d]) : 0))
      const scores = scale_relative ? (product + relative) * scale : product * scale + relative
      return scores + added(t.bias, [b, h, i, j]) + dropped(t.key_mask, [b, j], masked) + dropped(t.mask, [b, i, j], masked)
    }
    return attend(shape, heads, t.key.shape[1] as number, score, (b, j, c) => at(t.value, [b, j, c]))
  },
  cached_attention: (t, { heads, scale, masked }, shape) => {
    const size = (t.query.shape[2] as number) / heads
    const slots = t.key_cache.shape[3] as number
    const fresh = t.key ? (t.key.shape[1] as number) : 0
    const score = (_: number, h: number, i: number, j: number): number => {
      const q = (d: number) => at(t.query, [0, i, h * size + d]) * scale
      if (j < slots) {
        const product = sum(size, d => q(d) * at(t.key_cache, [0, h * size + d, 0, j]))
        return product + added(t.cache_bias, [0, h, i, j]) + dropped(t.cache_mask, [0, j], masked)
      }
      const product = sum(size, d => q(d) * at(t.key as Tensor, [0, j - slots, h * size + d]))
      return product + added(t.bias, [0, h, i, j - slots]) + dropped(t.mask, [0, i, j - slots], masked)
    }
    const value = (_: number, j: number, c: number) =>
      j < slots ? at(t.value_cache, [0, c, 0, j]) : at(t.value as Tensor, [0, j - slots, c])
    return attend(shape, heads, slots + fresh, score, value)
  },
}
