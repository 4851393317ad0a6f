import type { Builder } from '../builder.ts'
import type { Value } from '../graph/graph.ts'

// Heads stand one after the other on one axis of heads·d channels, wherever that axis is. These are the views of it, for all lowerings.

/** The heads one by one: equal parts along their axis. */
export const eachHead = (b: Builder, x: Value, axis: number, heads: number): readonly Value[] => {
  const size = x.type.shape.at(axis) as number
  return heads === 1 ? [x] : b.split({ x, axis, split_sizes: Array<number>(heads).fill(size / heads) })
}

/** […, heads·d, …] → […, heads, d, …]. `without` is an axis of size 1 that goes, so that rank 4 stays rank 4. */
export const headsApart = (b: Builder, x: Value, axis: number, heads: number, without?: number): Value =>
  b.reshape({ x, shape: x.type.shape.flatMap((dim, i) => (i === without ? [] : i === axis ? [heads, dim / heads] : [dim])) })

/** […, heads, d, …] → […, heads·d, …], or […, heads·d, 1, …] with `rank` kept. */
export const headsTogether = (b: Builder, x: Value, axis: number, rank: 'less' | 'kept' = 'less'): Value => {
  const { shape } = x.type
  const width = (shape[axis] as number) * (shape[axis + 1] as number)
  return b.reshape({ x, shape: shape.toSpliced(axis, 2, ...(rank === 'kept' ? [width, 1] : [width])) })
}

/** [lead…, tokens, heads·d] → [lead…, heads, tokens, d]: the heads as a batch. */
export const headsFirst = (b: Builder, x: Value, heads: number): Value => {
  const axis = x.type.shape.length - 1
  return swapBefore(b, headsApart(b, x, axis, heads), axis - 1)
}

/** [lead…, heads, tokens, d] → [lead…, tokens, heads·d] */
export const headsLast = (b: Builder, x: Value): Value => {
  const axis = x.type.shape.length - 2
  return headsTogether(b, swapBefore(b, x, axis - 1), axis)
}

/** Two neighbouring axes in each other's place. */
const swapBefore = (b: Builder, x: Value, axis: number): Value => {
  const perm = [...x.type.shape.keys()]
  return b.transpose({ x, perm: perm.toSpliced(axis, 2, axis + 1, axis) })
}
