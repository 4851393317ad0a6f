import type { composites as ops } from '../ops/composites.ts'
import { windowGrid } from '../ops/window-grid.ts'
import { alongAxis, at, type Elements, fill, grouped, type SemanticsOf, softmax, sum, type Tensor } from './tensor.ts'

/** softmax(score)·value for each head and query, as [lead…, queries, heads·d]. */
function attend(
  shape: readonly number[],
  heads: number,
  keys: number,
  score: (lead: readonly number[], head: number, query: number, key: number) => number,
  value: (lead: readonly number[], key: number, channel: number) => number,
): Elements {
  const width = shape.at(-1) as number
  const scored = [...shape.slice(0, -2), heads, shape.at(-2) as number, keys]
  const scores = {
    dtype: 'fp64',
    shape: scored,
    data: fill(scored, index => score(index.slice(0, -3), ...(index.slice(-3) as [number, number, number]))),
  } as const
  const weights: Tensor = { ...scores, data: alongAxis(scores, -1, softmax) }
  return fill(shape, index => {
    const lead = index.slice(0, -2)
    const [i, c] = index.slice(-2) as [number, number]
    return sum(keys, j => at(weights, [...lead, Math.floor(c / (width / heads)), i, j]) * value(lead, j, c))
  })
}

/** What is added where a mask drops. */
const dropped = (mask: Tensor | undefined, index: readonly number[], masked: number): number => (mask ? (1 - at(mask, index)) * masked : 0)
const added = (bias: Tensor | undefined, index: readonly number[]): number => (bias ? at(bias, index) : 0)

/** The batch and the window of keys or values, which all windows may share. */
const windowOf = (x: Tensor, lead: readonly number[]): readonly number[] =>
  lead.length === 2 && x.shape[1] === 1 ? [lead[0] as number, 0] : lead

/** What the composites compute, from their formulas and not from their expansions. */
export const composites: SemanticsOf<typeof ops> = {
  rms_norm: ({ x, gamma }, { epsilon }, shape) => {
    const { groups, groupOf } = grouped(x, [-1])
    const scales = groups.map(line => 1 / Math.sqrt(line.reduce((total, v) => total + v * v, 0) / line.length + epsilon))
    let flat = 0
    return fill(shape, index => at(x, index) * (scales[groupOf[flat++] as number] as number) * at(gamma, index))
  },
  attention: (t, { heads, scale, masked, scale_relative }, shape) => {
    const size = (t.query.shape.at(-1) as number) / heads
    const { relative_query: ofQuery, relative_key: ofKey, relative_rows: ofRows, relative_columns: ofColumns } = t
    const cell = (columns: Tensor, side: 0 | 1, token: number) => {
      const width = columns.shape[side] as number
      return [Math.floor(token / width), token % width] as const
    }
    const score = (lead: readonly number[], h: number, i: number, j: number): number => {
      const [b] = lead as [number]
      const q = (d: number) => at(t.query, [...lead, i, h * size + d])
      const k = (d: number) => at(t.key, [...windowOf(t.key, lead), j, h * size + d])
      const product = sum(size, d => q(d) * k(d))
      let relative = sum(size, d => (ofQuery ? q(d) * at(ofQuery, [i, j, d]) : 0) + (ofKey ? k(d) * at(ofKey, [i, j, d]) : 0))
      if (ofRows && ofColumns) {
        const [[y, x], [keyY, keyX]] = [cell(ofColumns, 0, i), cell(ofColumns, 1, j)]
        relative += sum(size, d => q(d) * (at(ofRows, [y, keyY, d]) + at(ofColumns, [x, keyX, d])))
      }
      const scores = scale_relative ? (product + relative) * scale : product * scale + relative
      return scores + added(t.bias, [b, h, i, j]) + dropped(t.key_mask, [b, j], masked) + dropped(t.mask, [b, i, j], masked)
    }
    return attend(shape, heads, t.key.shape.at(-2) as number, score, (lead, j, c) => at(t.value, [...windowOf(t.value, lead), j, c]))
  },
  cached_attention: (t, { heads, scale, masked }, shape) => {
    const size = (t.query.shape[2] as number) / heads
    const slots = t.key_cache.shape[3] as number
    const fresh = t.key ? (t.key.shape[1] as number) : 0
    const score = (_: readonly number[], h: number, i: number, j: number): number => {
      const q = (d: number) => at(t.query, [0, i, h * size + d]) * scale
      if (j < slots) {
        const product = sum(size, d => q(d) * at(t.key_cache, [0, h * size + d, 0, j]))
        return product + added(t.cache_bias, [0, h, i, j]) + dropped(t.cache_mask, [0, j], masked)
      }
      const product = sum(size, d => q(d) * at(t.key as Tensor, [0, j - slots, h * size + d]))
      return product + added(t.bias, [0, h, i, j - slots]) + dropped(t.mask, [0, i, j - slots], masked)
    }
    const value = (_: readonly number[], j: number, c: number) =>
      j < slots ? at(t.value_cache, [0, c, 0, j]) : at(t.value as Tensor, [0, j - slots, c])
    return attend(shape, heads, slots + fresh, score, value)
  },
  rotary: ({ x, cos, sin }, { heads }, shape) => {
    const size = (shape.at(-1) as number) / heads
    const turned = cos.shape.at(-1) as number
    return fill(shape, index => {
      const [lead, c] = [index.slice(0, -1), index.at(-1) as number]
      const d = c % size
      if (d >= turned) return at(x, index)
      const half = turned / 2
      const other = d < half ? -at(x, [...lead, c + half]) : at(x, [...lead, c - half])
      return at(x, index) * at(cos, [...lead, d]) + other * at(sin, [...lead, d])
    })
  },
  window_partition: ({ x }, { window }, shape) => {
    const [, height, width] = x.shape as [number, number, number]
    const { columns } = windowGrid(height, width, window)
    return fill(shape, ([b, n, t, c]) => {
      const row = Math.floor((n as number) / columns) * window + Math.floor((t as number) / window)
      const column = ((n as number) % columns) * window + ((t as number) % window)
      return row < height && column < width ? at(x, [b as number, row, column, c as number]) : 0
    })
  },
  window_merge: ({ x }, { window, width }, shape) => {
    const columns = Math.ceil(width / window)
    return fill(shape, ([b, row, column, c]) => {
      const [y, x0] = [row as number, column as number]
      const n = Math.floor(y / window) * columns + Math.floor(x0 / window)
      return at(x, [b as number, n, (y % window) * window + (x0 % window), c as number])
    })
  },
}
