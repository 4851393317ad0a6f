import { errors } from '../errors.ts'

/** The part of the work that one machine does: `index` from 1 to `count`. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/** More machines than any CI has. */
export const MAX_SHARDS = 10_000

/** Reads `2/8`. Throws E_USAGE. */
export function parseShard(text: string): Shard {
  const [, index, count] = (/^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? []).map(Number)
  if (index !== undefined && count !== undefined && index >= 1 && index <= count && count <= MAX_SHARDS) return { index, count }
  throw errors.E_USAGE({ problem: `--shard ${text} is no part of a whole.`, next: 'Write i/n with i from 1 to n, such as --shard 2/8.' })
}

interface Planned {
  readonly model: string
}

/**
 * The entries of one shard. A model stays in one piece, so that one machine downloads it; only where there are more shards than
 * models are those with most entries cut. Pieces go, the largest first, to the shard with the least. With as many shards as entries, shard
 * i is entry i. The same on every machine, since nothing but the list decides.
 */
export function entriesOfShard<T extends Planned>(entries: readonly T[], { index, count }: Shard): readonly T[] {
  const places = new Map<string, number[]>()
  for (const [i, { model }] of entries.entries()) {
    const at = places.get(model)
    if (at) at.push(i)
    else places.set(model, [i])
  }
  const pieces = cutModels([...places.values()], count).sort((a, b) => b.length - a.length || first(a) - first(b))
  const shards: number[][] = Array.from({ length: count }, () => [])
  for (const piece of pieces) {
    const least = shards.reduce((best, shard) => (shard.length < best.length ? shard : best))
    least.push(...piece)
  }
  for (const shard of shards) shard.sort((a, b) => a - b)
  shards.sort((a, b) => first(a) - first(b))
  return (shards[index - 1] ?? []).flatMap(i => entries[i] ?? [])
}

/** Empty shards come last. */
const first = ([place = Number.MAX_SAFE_INTEGER]: readonly number[]): number => place

/** As many pieces as there are shards, if there are that many entries; the largest share is cut first. */
function cutModels(models: readonly number[][], count: number): number[][] {
  const parts = models.map(() => 1)
  for (let pieces = models.length; pieces < count; pieces++) {
    let most = -1
    for (const [i, { length }] of models.entries()) {
      const share = (at: number) => (models[at]?.length ?? 0) / (parts[at] ?? 1)
      if (length > (parts[i] ?? 1) && (most < 0 || share(i) > share(most))) most = i
    }
    if (most < 0) break
    parts[most] = (parts[most] ?? 1) + 1
  }
  return models.flatMap((places, i) => {
    const into = parts[i] ?? 1
    const border = (part: number) => Math.round((part * places.length) / into)
    return Array.from({ length: into }, (_, part) => places.slice(border(part), border(part + 1)))
  })
}
