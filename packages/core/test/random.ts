import { type Constant, denseConstant, sizeOf } from '../src/index.ts'

/** Numbers in [0, 1) that are the same on every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A whole number that depends on every character of a text. */
export const seedOf = (text: string): number => [...text].reduce((hash, c) => Math.imul(hash ^ (c.codePointAt(0) as number), 0x01000193), 7)

/** `count` numbers between −1 and 1. */
export function uniform(count: number, seed: number): number[] {
  const next = seeded(seed)
  return Array.from({ length: count }, () => next() * 2 - 1)
}

/** A constant whose elements depend on its name alone. */
export const randomConstant = (id: string, shape: readonly number[]): Constant => ({
  ...denseConstant('fp32', shape, Float32Array.from(uniform(sizeOf(shape), seedOf(id)))),
  id,
})
