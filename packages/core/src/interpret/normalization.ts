import type { normalization as ops } from '../ops/normalization.ts'
import { inside, padBefore } from './linear-algebra.ts'
import { alongAxis, at, type Elements, fill, grouped, largest, positive, range, type SemanticsOf, smallest, type Tensor } from './tensor.ts'

const total = (line: readonly number[]): number => line.reduce((sum, x) => sum + x, 0)
const mean = (line: readonly number[]): number => total(line) / line.length
const squares = (line: readonly number[]): number[] => line.map(x => x * x)

const reduction =
  (fold: (line: readonly number[]) => number) =>
  ({ x }: { readonly x: Tensor }, { axes }: { readonly axes: readonly number[] }): Elements =>
    Float64Array.from(grouped(x, axes).groups, fold)

const argument =
  (best: (line: readonly number[]) => number) =>
  ({ x }: { readonly x: Tensor }, { axis }: { readonly axis: number }): Elements =>
    Float64Array.from(grouped(x, [axis]).groups, line => line.indexOf(best(line)))

function logSumExp(line: readonly number[]): number {
  const most = largest(line)
  return most + Math.log(total(line.map(x => Math.exp(x - most))))
}

/** (x − mean) / √(variance + epsilon) over the given axes; `affine` finishes an element by its index. */
function normalized(x: Tensor, axes: readonly number[], epsilon: number, affine: (value: number, index: readonly number[]) => number) {
  const { groups, groupOf } = grouped(x, axes)
  const moments = groups.map(line => {
    const middle = mean(line)
    return { middle, scale: 1 / Math.sqrt(mean(squares(line.map(v => v - middle))) + epsilon) }
  })
  let flat = 0
  return fill(x.shape, index => {
    const { middle, scale } = moments[groupOf[flat] as number] as (typeof moments)[0]
    return affine(((x.data[flat++] as number) - middle) * scale, index)
  })
}

const perChannel = (part: Tensor | undefined, index: readonly number[], neutral: number): number =>
  part ? (part.data[index[1] as number] as number) : neutral

type Pool = {
  readonly kernel_sizes: readonly number[]
  readonly strides: readonly number[]
  readonly pad_type: string
  readonly pad: readonly number[]
}

/** The elements that each window sees, and how many places it covers with its padding. */
function pooled(x: Tensor, a: Pool, shape: readonly number[], fold: (seen: readonly number[], places: number) => number): Elements {
  const size = x.shape.slice(2)
  const before = padBefore(size, shape.slice(2), a.kernel_sizes, a)
  const after = (axis: number) => (a.pad_type === 'custom' ? (a.pad[2 * axis + 1] as number) : Number.POSITIVE_INFINITY)
  return fill(shape, ([n, c, ...place]) => {
    const seen: number[] = []
    let places = 0
    fill(a.kernel_sizes, k => {
      const from = place.map((p, axis) => p * (a.strides[axis] as number) + (k[axis] as number) - (before[axis] as number))
      if (from.every((i, axis) => i < (size[axis] as number) + (a.pad_type === 'valid' ? 0 : after(axis)))) places++
      if (inside(from, size)) seen.push(at(x, [n as number, c as number, ...from]))
      return 0
    })
    return fold(seen, places)
  })
}

/** Where the output element `i` of `to` is sampled on an axis of `from` elements. */
const samplings: Readonly<Record<string, (i: number, from: number, to: number) => number>> = {
  DEFAULT: (i, from, to) => (i * from) / to,
  STRICT_ALIGN_CORNERS: (i, from, to) => (i * (from - 1)) / (to - 1),
  ALIGN_CORNERS: (i, from, to) => (to === 1 ? (from - 1) / 2 : (i * (from - 1)) / (to - 1)),
  OFFSET_CORNERS: (i, from, to) => ((i + 0.5) * Math.max(1, from - 1)) / to,
  UNALIGN_CORNERS: (i, from, to) => ((i + 0.5) * from) / to - 0.5,
}

/** What norms, reductions and pooling compute. */
export const normalization: SemanticsOf<typeof ops> = {
  layer_norm: ({ x, gamma, beta }, { axes, epsilon }) => {
    const at0 = axes.map(axis => positive(axis, x.shape.length))
    const inner = (index: readonly number[]) => at0.map(axis => index[axis] as number)
    return normalized(
      x,
      axes,
      epsilon,
      (value, index) => value * (gamma ? at(gamma, inner(index)) : 1) + (beta ? at(beta, inner(index)) : 0),
    )
  },
  batch_norm: ({ x, mean: middle, variance, gamma, beta }, { epsilon }, shape) =>
    fill(shape, index => {
      const value = (at(x, index) - perChannel(middle, index, 0)) / Math.sqrt(perChannel(variance, index, 1) + epsilon)
      return value * perChannel(gamma, index, 1) + perChannel(beta, index, 0)
    }),
  instance_norm: ({ x, gamma, beta }, { epsilon }) =>
    normalized(
      x,
      range(x.shape.length).slice(2),
      epsilon,
      (value, index) => value * perChannel(gamma, index, 1) + perChannel(beta, index, 0),
    ),
  reduce_sum: reduction(total),
  reduce_mean: reduction(mean),
  reduce_max: reduction(largest),
  reduce_min: reduction(smallest),
  reduce_prod: reduction(line => line.reduce((product, x) => product * x, 1)),
  reduce_sum_square: reduction(line => total(squares(line))),
  reduce_l2_norm: reduction(line => Math.sqrt(total(squares(line)))),
  reduce_log_sum_exp: reduction(logSumExp),
  reduce_argmax: argument(largest),
  reduce_argmin: argument(smallest),
  topk: ({ x }, { k, axis, ascending }) => {
    const order = (line: readonly number[]) =>
      range(line.length)
        .sort((a, b) => ((line[a] as number) - (line[b] as number)) * (ascending ? 1 : -1) || a - b)
        .slice(0, k)
    return [alongAxis(x, axis, line => order(line).map(i => line[i] as number)), alongAxis(x, axis, order)]
  },
  max_pool: ({ x }, a, shape) => pooled(x, a, shape, largest),
  avg_pool: ({ x }, a, shape) =>
    pooled(x, a, shape, (seen, places) => total(seen) / (a.exclude_padding_from_average ? seen.length : places)),
  upsample_nearest_neighbor: ({ x }, a, shape) =>
    fill(shape, index => {
      const [h, w] = index.slice(-2) as [number, number]
      return at(x, [...index.slice(0, -2), Math.floor(h / a.scale_factor_height), Math.floor(w / a.scale_factor_width)])
    }),
  resize_bilinear: ({ x }, a, shape) => {
    const sampling = samplings[a.sampling_mode] as (typeof samplings)[string]
    const place = (i: number, axis: number): { low: number; high: number; part: number } => {
      const from = x.shape.at(axis) as number
      const exact = Math.min(Math.max(sampling(i, from, shape.at(axis) as number), 0), from - 1)
      return { low: Math.floor(exact), high: Math.min(Math.floor(exact) + 1, from - 1), part: exact - Math.floor(exact) }
    }
    return fill(shape, index => {
      const lead = index.slice(0, -2)
      const [y, z] = [place(index.at(-2) as number, -2), place(index.at(-1) as number, -1)]
      const row = (h: number) => at(x, [...lead, h, z.low]) * (1 - z.part) + at(x, [...lead, h, z.high]) * z.part
      return row(y.low) * (1 - y.part) + row(y.high) * y.part
    })
  },
  pixel_shuffle: ({ x }, { upscale_factor: f }, shape) =>
    fill(shape, index => {
      const [n, c, h, w] = index as [number, number, number, number]
      return at(x, [n, c * f * f + (h % f) * f + (w % f), Math.floor(h / f), Math.floor(w / f)])
    }),
}
