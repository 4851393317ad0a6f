import { type Constant, isFloat, readAll, sizeOf } from '@silane/core'

export interface Difference {
  /** 10·log10(peak² / mse) in dB with peak = max |reference|; Infinity where equal, −Infinity where it cannot be compared. */
  readonly psnr: number
  /** Largest |actual − reference|. */
  readonly maxAbs: number
  /** Cosine of the angle between the two, as vectors. */
  readonly cosine: number
  /** PSNR of the sample that fares worst, of those that have `ENOUGH_ELEMENTS`; `psnr` where none has. */
  readonly worst: number
  /** Why there is no figure. */
  readonly problem?: string
}

/** An output and its reference. */
export interface Compared {
  readonly reference: Constant
  readonly actual: Constant
  /** 1 where a position counts. Its shape is a leading part of the output's: [B, S] picks rows of [B, S, C]. */
  readonly mask?: Constant | undefined
}

/** Nothing can be said about tensors with a NaN or an infinity in them. */
export const incomparable = (problem: string): Difference => ({
  psnr: Number.NEGATIVE_INFINITY,
  maxAbs: Number.POSITIVE_INFINITY,
  cosine: 0,
  worst: Number.NEGATIVE_INFINITY,
  problem,
})
/** No difference at all. */
export const EQUAL: Difference = { psnr: Number.POSITIVE_INFINITY, maxAbs: 0, cosine: 1, worst: Number.POSITIVE_INFINITY }

/** The mean square of an error over this many elements is known to about 0.8 dB. */
export const ENOUGH_ELEMENTS = 64

/** A score of the original that masks: the lowest float, or −∞. */
export const MASKED = -1e30

/** What a masked score must at least come down to: exp of it is 0 in fp16 and fp32 alike. −1e4, rounded, is within. */
const MASKED_ENOUGH = -9e3

/** Compares one output with its reference: `compareSamples` of one sample. */
export const compare = (reference: Constant, actual: Constant, mask?: Constant): Difference => compareSamples([{ reference, actual, mask }])

/**
 * Compares an output with its reference, in double precision, over the positions where the masks are 1: peak and error are those
 * of all samples together. Integers, and a reference of nothing but zeros, must be equal; where the reference is a masked score
 * (≤ −1e30) so must the output be (≤ −9e3), and the pair counts for nothing else; a NaN or an infinity on either side is
 * −Infinity dB. Throws a RangeError where shapes differ.
 */
export function compareSamples(samples: readonly Compared[]): Difference {
  const all: Sums[] = []
  for (const sample of samples) {
    const sums = sumsOf(sample)
    if (typeof sums === 'string') return incomparable(sums)
    all.push(sums)
  }
  const total = (key: keyof Sums) => all.reduce((sum, sums) => sum + sums[key], 0)
  if (total('squares') === 0) return EQUAL
  const maxAbs = Math.max(...all.map(sums => sums.maxAbs))
  const cosine = total('dot') / Math.sqrt(total('normExpected') * total('normGot')) || 0
  const peak = Math.max(...all.map(sums => sums.peak))
  if (samples.some(({ reference }) => !isFloat(reference.dtype))) return { ...incomparable('integers differ'), maxAbs, cosine }
  if (peak === 0) return { ...incomparable('the reference is all zeros'), maxAbs, cosine }
  const psnr = decibels(peak, total('squares'), total('count'))
  const single = all.filter(({ count }) => count >= ENOUGH_ELEMENTS).map(sums => decibels(sums.peak, sums.squares, sums.count))
  return { psnr, maxAbs, cosine, worst: Math.min(psnr, ...single) }
}

export const decibels = (peak: number, squares: number, count: number): number =>
  squares === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((peak * peak) / (squares / count))

interface Sums {
  peak: number
  squares: number
  maxAbs: number
  dot: number
  normExpected: number
  normGot: number
  count: number
}

/** What one sample adds up to, or what makes it incomparable. */
function sumsOf({ reference, actual, mask }: Compared): Sums | string {
  const sums: Sums = { peak: 0, squares: 0, maxAbs: 0, dot: 0, normExpected: 0, normGot: 0, count: 0 }
  if (reference.shape.join() !== actual.shape.join()) throw new RangeError(`[${actual.shape}] instead of [${reference.shape}]`)
  if (mask?.shape.some((dim, axis) => dim !== reference.shape[axis]))
    throw new RangeError(`a mask of [${mask.shape}] for [${reference.shape}]`)
  const [expected, got] = [readAll(reference), readAll(actual)]
  const kept = mask && readAll(mask)
  const size = sizeOf(reference.shape)
  const row = kept ? size / kept.length : size
  for (let first = 0; first < size; first += row) {
    if (kept && Number(kept[first / row]) === 0) continue
    for (let i = first; i < first + row; i++) {
      const [x, y] = [Number(expected[i]), Number(got[i])]
      if (x <= MASKED) {
        if (y <= MASKED_ENOUGH) continue
        return `a masked score came out as ${y}`
      }
      if (!Number.isFinite(x) || !Number.isFinite(y)) return `not finite: ${y} where the reference has ${x}`
      const difference = Math.abs(y - x)
      sums.peak = Math.max(sums.peak, Math.abs(x))
      sums.maxAbs = Math.max(sums.maxAbs, difference)
      sums.squares += difference * difference
      sums.dot += x * y
      sums.normExpected += x * x
      sums.normGot += y * y
      sums.count++
    }
  }
  return sums
}
