import type { Json } from '@silane/core'
import { errors } from './errors.ts'
import { MAX_TENSORS } from './read-safetensors.ts'
import { MAX_AHEAD, MAX_SHARDS } from './read-shards.ts'
import type { WeightsFile } from './weights-file.ts'

/** `model-00001-of-00003.safetensors`: what stands before the number, the number, how many there are, and the format. */
const COUNTED = /^(.*)-(\d{1,9})-of-(\d{1,9})(\.\w+)$/

/** The name with 1 in place of its number, which is the same for all shards of one set; undefined where a name does not count. */
export function firstOfShards(file: string): string | undefined {
  const [, stem, number = '', total, format] = COUNTED.exec(file) ?? []
  return stem === undefined ? undefined : `${stem}-${'1'.padStart(number.length, '0')}-of-${total}${format}`
}

/** The names of the shards that a file is one of by its name, in order; undefined where its name does not count. Throws E_SHARD_COUNT. */
export function shardNames(file: string, where: string): readonly string[] | undefined {
  const [, stem, number = '', of = '', format] = COUNTED.exec(file) ?? []
  if (stem === undefined) return undefined
  const total = Number(of)
  if (total < 1 || total > MAX_SHARDS)
    throw errors.E_SHARD_COUNT({ file, problem: `it is one of ${total}; from 1 to ${MAX_SHARDS} are read`, where })
  return Array.from({ length: total }, (_, i) => `${stem}-${String(i + 1).padStart(number.length, '0')}-of-${of}${format}`)
}

/** The same, where all of them are there: no index says what stands in them. Throws E_SHARD_COUNT. */
export function countedShards(file: string, files: readonly string[], where: string): readonly string[] | undefined {
  const shards = shardNames(file, where)
  if (!shards) return undefined
  const there = new Set(files)
  const missing = shards.filter(shard => !there.has(shard))
  if (missing.length === 0) return shards
  const named = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ` and ${missing.length - 3} more` : '')
  throw errors.E_SHARD_COUNT({ file, problem: `its name says that there are ${shards.length}, and these are missing: ${named}`, where })
}

/** The index that such shards would have. Throws E_SHARD_TWICE, since one of two tensors of one name would be left. */
export function indexOfShards(shards: readonly string[], open: (shard: string) => WeightsFile, where: string): Json {
  const map = new Map<string, string>()
  let ahead = 0
  for (const shard of shards) {
    const weights = open(shard)
    ahead += weights.ahead ?? 0
    if (ahead > MAX_AHEAD) throw errors.E_SHARD_COUNT({ file: shard, problem: `headers up to it have more than ${MAX_AHEAD} bytes`, where })
    for (const tensor of weights.names) {
      const other = map.get(tensor)
      if (other !== undefined) throw errors.E_SHARD_TWICE({ tensor, files: [other, shard], where })
      map.set(tensor, shard)
    }
    if (map.size > MAX_TENSORS)
      throw errors.E_SHARD_COUNT({ file: shard, problem: `those up to it have more than ${MAX_TENSORS} tensors`, where })
  }
  return { weight_map: Object.fromEntries(map) }
}
