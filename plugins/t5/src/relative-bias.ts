import { type Constant, lookupConstant } from '@silane/core'

export interface Buckets {
  /** [buckets, heads], as block 0 of a stack stores it. */
  readonly table: Constant
  readonly count: number
  readonly maxDistance: number
  /** The encoder tells keys before a query from keys after it; the decoder has none after. */
  readonly bidirectional: boolean
}

/**
 * The bucket of a distance key − query (Raffel et al. 2020; transformers `T5Attention._relative_position_bucket`):
 * one each for small distances, logarithmically wider ones up to `maxDistance`, one for all beyond.
 */
export function relativeBucket(distance: number, { count, maxDistance, bidirectional }: Omit<Buckets, 'table'>): number {
  const usable = bidirectional ? Math.floor(count / 2) : count
  const base = bidirectional && distance > 0 ? usable : 0
  const far = bidirectional ? Math.abs(distance) : Math.max(-distance, 0)
  const exact = Math.floor(usable / 2)
  if (far < exact) return base + far
  // fp32, as the original has it: at the edges of buckets the last bit decides.
  const ratio = Math.fround(Math.fround(Math.log(Math.fround(far / exact))) / Math.fround(Math.log(maxDistance / exact)))
  return base + Math.min(usable - 1, exact + Math.trunc(Math.fround(ratio * (usable - exact))))
}

/** The bias of every query to every key of a sequence: [1, heads, length, length]. */
export function sequenceBias(buckets: Buckets, length: number): Constant {
  const heads = buckets.table.shape[1] as number
  const rows = bucketsByDistance(buckets, length)
  return lookupConstant(buckets.table, [1, heads, length, length], label(buckets), flat => {
    const key = flat % length
    const query = Math.floor(flat / length) % length
    return (rows[key - query + length] as number) * heads + Math.floor(flat / (length * length))
  })
}

/** For each position the bias to every slot of a cache: [slots, heads, slots], to be gathered by position. */
export function slotBias(buckets: Buckets, slots: number): Constant {
  const heads = buckets.table.shape[1] as number
  const rows = bucketsByDistance(buckets, slots)
  return lookupConstant(buckets.table, [slots, heads, slots], `slots ${label(buckets)}`, flat => {
    const slot = flat % slots
    const head = Math.floor(flat / slots) % heads
    const position = Math.floor(flat / (slots * heads))
    return (rows[slot - position + slots] as number) * heads + head
  })
}

const bucketsByDistance = (buckets: Buckets, length: number): readonly number[] =>
  Array.from({ length: 2 * length + 1 }, (_, at) => relativeBucket(at - length, buckets))

const label = ({ count, maxDistance, bidirectional }: Buckets): string => `t5 ${count} ${maxDistance} ${bidirectional ? 'both' : 'before'}`
