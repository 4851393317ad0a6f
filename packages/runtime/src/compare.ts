import { type Constant, isFloat, readAll, sizeOf } from '@silane/core'

export interface Difference {
  /** 10·log10(peak² / mse) in dB with peak = max |reference|; Infinity where equal, −Infinity where it cannot be compared. */
  readonly psnr: number
  /** Largest |actual − reference|. */
  readonly maxAbs: number
  /** Cosine of the angle between the two, as vectors. */
  readonly cosine: number
}

/** Nothing can be said about tensors with a NaN or an infinity in them. */
const incomparable: Difference = { psnr: Number.NEGATIVE_INFINITY, maxAbs: Number.POSITIVE_INFINITY, cosine: 0 }
const equal: Difference = { psnr: Number.POSITIVE_INFINITY, maxAbs: 0, cosine: 1 }

/**
 * Compares an output with its reference, in double precision, over the positions where `mask` is 1. The mask's shape is a
 * leading part of the output's: [B, S] picks rows of [B, S, C]. Integers, and a reference of zeros, must be equal;
 * a NaN or an infinity on either side is −Infinity dB. Throws a RangeError where shapes differ.
 */
export function compare(reference: Constant, actual: Constant, mask?: Constant): Difference {
  const size = sizeOf(reference.shape)
  if (reference.shape.join() !== actual.shape.join()) throw new RangeError(`[${actual.shape}] instead of [${reference.shape}]`)
  const [expected, got] = [readAll(reference), readAll(actual)]
  const kept = mask && readAll(mask)
  if (mask?.shape.some((dim, axis) => dim !== reference.shape[axis]))
    throw new RangeError(`a mask of [${mask.shape}] for [${reference.shape}]`)
  const row = kept ? size / kept.length : size

  let [peak, squares, maxAbs, dot, normExpected, normGot, count] = [0, 0, 0, 0, 0, 0, 0]
  for (let i = 0; i < size; i++) {
    if (kept && Number(kept[Math.floor(i / row)]) === 0) continue
    const [x, y] = [Number(expected[i]), Number(got[i])]
    if (!Number.isFinite(x) || !Number.isFinite(y)) return incomparable
    const difference = Math.abs(y - x)
    peak = Math.max(peak, Math.abs(x))
    maxAbs = Math.max(maxAbs, difference)
    squares += difference * difference
    dot += x * y
    normExpected += x * x
    normGot += y * y
    count++
  }
  if (squares === 0) return equal
  const cosine = dot / Math.sqrt(normExpected * normGot) || 0
  const exact = peak === 0 || !isFloat(reference.dtype)
  const psnr = exact ? Number.NEGATIVE_INFINITY : 10 * Math.log10((peak * peak) / (squares / count))
  return { psnr, maxAbs, cosine }
}
