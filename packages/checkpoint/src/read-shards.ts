import type { Json } from '@silane/core'
import { errors } from './errors.ts'
import { inside } from './inside.ts'
import { MAX_TENSORS } from './read-safetensors.ts'
import type { WeightsFile } from './weights-file.ts'

/** Files that one index may name, each of which takes a descriptor. The largest published models have 200. */
export const MAX_SHARDS = 1024

/**
 * Bytes of headers, or of pickles and lists of archives, that the shards of one checkpoint have together. Some links to one file, or
 * copies, which compress to nothing, have each a header as long as one may be, and reading that takes seconds. The 210,000 tensors of
 * the largest models take 40 MB.
 */
export const MAX_AHEAD = 1 << 27

/** Joins the shards that an index names. `open` gives the tensors of one of them, or undefined where the file is missing. */
export function readShards(index: Json, file: string, where: string, open: (shard: string) => WeightsFile | undefined): WeightsFile {
  const map = weightMap(index)
  if (!map) throw errors.E_SHARD_INDEX({ file, problem: '"weight_map" does not give a file name for each tensor', where })
  const shards = [...Map.groupBy(map, ([, shard]) => shard)]
  if (shards.length > MAX_SHARDS) {
    throw errors.E_SHARD_INDEX({ file, problem: `it names ${shards.length} files; the limit is ${MAX_SHARDS}`, where })
  }
  const opened = new Map<string, WeightsFile>()
  let [total, ahead] = [0, 0]
  for (const [shard, tensors] of shards) {
    if (!inside(shard)) throw errors.E_FILE_NAME({ name: shard, from: file, where })
    // An index among the shards could be this one, and files would be opened without end.
    if (shard.endsWith('.json')) throw errors.E_SHARD_INDEX({ file, problem: `it names "${shard}" as a shard`, where })
    const weights = open(shard)
    if (!weights) throw errors.E_SHARD_MISSING({ file, shard, where })
    opened.set(shard, weights)
    total += weights.names.length
    if (total > MAX_TENSORS) throw errors.E_SHARD_INDEX({ file, problem: `its files have more than ${MAX_TENSORS} tensors`, where })
    ahead += weights.ahead ?? 0
    if (ahead > MAX_AHEAD) throw errors.E_SHARD_INDEX({ file, problem: `headers of its files have more than ${MAX_AHEAD} bytes`, where })
    const present = new Set(weights.names)
    for (const [tensor] of tensors) if (!present.has(tensor)) throw errors.E_SHARD_TENSOR({ file, shard, tensor, where })
  }
  return {
    // What a shard holds beyond the index is left out, as transformers does.
    names: [...opened].flatMap(([shard, weights]) => weights.names.filter(name => map.get(name) === shard)),
    tensor: name => opened.get(map.get(name) ?? '')?.tensor(name),
    stored: name => opened.get(map.get(name) ?? '')?.stored(name),
  }
}

/** The file of each tensor, as the index of shards says it; undefined where it is not one. */
export function weightMap(index: Json): ReadonlyMap<string, string> | undefined {
  if (typeof index !== 'object' || index === null || !('weight_map' in index)) return undefined
  const map = index.weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return undefined
  const entries: [string, string][] = []
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') return undefined
    entries.push([tensor, shard])
  }
  return new Map(entries)
}
