import { type Constant, readAll } from '@silane/core'
import { type Difference, decibels, EQUAL, incomparable, MASKED } from './compare.ts'

/** What was chosen, and the scores of the reference that it was to be chosen by. */
export interface Choice {
  /** One integer: a place on the axis. */
  readonly index: Constant
  readonly scores: Constant
}

/**
 * Compares indices of a best score by what they chose, since near scores may trade places: the error is how far the score chosen lies
 * below the best one, in the worst of the samples, and the peak is the scores' own, so that a choice passes a gate where it is within
 * that gate's error of the best. Over the other axes the best counts. A masked score (≤ −1e30) chosen in place of another is −Infinity dB.
 */
export function compareChoices(samples: readonly Choice[], axis: number): Difference {
  let [peak, error] = [0, 0]
  for (const { index, scores } of samples) {
    const best = bestAlong(scores, axis)
    const at = Number(readAll(index)[0])
    const found = best[at]
    if (index.shape.join() !== '1') return incomparable('it is no single index')
    if (found === undefined) return incomparable(`${at} is none of ${best.length} places`)
    const highest = best.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY)
    if (found <= MASKED && highest > MASKED) return incomparable('a masked score was chosen')
    if (found < highest) error = Math.max(error, highest - found)
    for (const score of readAll(scores)) if (Number(score) > MASKED) peak = Math.max(peak, Math.abs(Number(score)))
  }
  if (error === 0) return EQUAL
  const psnr = decibels(peak, error * error, 1)
  return { psnr, maxAbs: error, cosine: 1, worst: psnr }
}

/** The highest score at each place of an axis. */
function bestAlong(scores: Constant, axis: number): number[] {
  const size = scores.shape[axis] ?? 0
  const inner = scores.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const best = Array.from({ length: size }, () => Number.NEGATIVE_INFINITY)
  for (const [i, score] of readAll(scores).entries()) {
    const at = Math.floor(i / inner) % size
    best[at] = Math.max(best[at] as number, Number(score))
  }
  return best
}
