import type { Coverage } from '@silane/core'

export interface Verdict {
  /** `unknown`: nothing was compared. */
  readonly result: 'pass' | 'miss' | 'unknown'
  /** One line that says whether the numbers are right: `34 outputs pass, lowest 61.6 dB, compared with the original`. */
  readonly text: string
}

/** What a verdict is made of, as it is computed and as it is stored. */
export interface VerdictFacts {
  readonly validated: boolean
  readonly misses: readonly string[]
  readonly comparisons: readonly { readonly psnr: number | 'equal' | 'none'; readonly gate?: number | undefined; readonly ok: boolean }[]
  readonly coverage: readonly Pick<Coverage, 'original'>[]
}

/** What came out, in a line. Counts are of figures that have a gate: an output has one on each line of validation. */
export function verdict({ validated, misses, comparisons, coverage }: VerdictFacts): Verdict {
  const gated = comparisons.filter(({ gate }) => gate !== undefined)
  if (misses.length > 0) {
    const missed = comparisons.filter(({ ok }) => !ok).length
    return { result: 'miss', text: missed > 0 ? `${missed} of ${outputs(gated.length)} miss their gate` : plural(misses.length, 'problem') }
  }
  if (!validated) return { result: 'unknown', text: 'not validated' }
  if (gated.length === 0) return { result: 'unknown', text: 'nothing was compared' }
  const figures = gated.flatMap(({ psnr }) => (typeof psnr === 'number' && Number.isFinite(psnr) ? [psnr] : []))
  const lowest = figures.length > 0 ? `lowest ${Math.min(...figures).toFixed(1)} dB` : 'equal in every bit'
  const held = coverage.filter(({ original }) => original).length
  const original =
    held === 0
      ? 'not compared with the original'
      : held === coverage.length
        ? 'compared with the original'
        : `${held} of ${coverage.length} functions compared with the original`
  return { result: 'pass', text: `${outputs(gated.length)} ${gated.length === 1 ? 'passes' : 'pass'}, ${lowest}, ${original}` }
}

const outputs = (count: number): string => plural(count, 'output')

const plural = (count: number, what: string): string => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
