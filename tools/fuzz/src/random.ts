import { createHash } from 'node:crypto'

/** Random choices that a text decides: the same text gives the same ones on every machine. */
export interface Random {
  /** From 0 up to, but not, `below`. */
  int(below: number): number
  /** True once in `among` times. */
  once(among: number): boolean
  pick<T>(list: readonly T[]): T
}

/** sfc32, seeded with the sha256 of `text`. */
export function seededRandom(text: string): Random {
  const seed = createHash('sha256').update(text).digest()
  let [a, b, c, d] = [0, 4, 8, 12].map(at => seed.readInt32LE(at)) as [number, number, number, number]
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    int,
    once: among => int(among) === 0,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new RangeError('nothing to pick from')
      return list[int(list.length)] as T
    },
  }
}
