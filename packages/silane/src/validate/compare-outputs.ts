import type { Comparison, Tensors } from '@silane/core'
import { compare } from '@silane/runtime'
import type { StageSample } from './choose-samples.ts'

export interface ComparedRuns {
  readonly actual: readonly (Tensors | undefined)[]
  /** Undefined where there is nothing to compare a sample with. */
  readonly expected: readonly (Tensors | undefined)[]
  readonly samples: readonly StageSample[]
  /** Output → the mask that tells its valid rows. */
  readonly valid: Readonly<Record<string, string>>
}

/** An output that is not there, or has another shape. */
const incomparable = { psnr: Number.NEGATIVE_INFINITY, maxAbs: Number.POSITIVE_INFINITY, cosine: 0 }

/** Compares two runs output by output; of several samples the worst counts. */
export function compareOutputs(label: Pick<Comparison, 'program' | 'function' | 'stage' | 'gate'>, runs: ComparedRuns): Comparison[] {
  const worst = new Map<string, Comparison>()
  for (const [i, expected] of runs.expected.entries()) {
    const actual = runs.actual[i] ?? {}
    const sample = runs.samples[i]
    for (const [output, reference] of Object.entries(expected ?? {})) {
      const found = actual[output]
      const mask = sample?.inputs[runs.valid[output] ?? '']
      const comparable = found !== undefined && found.shape.join() === reference.shape.join()
      const metrics = comparable ? compare(reference, found, mask) : incomparable
      const known = worst.get(output)
      if (known && known.psnr <= metrics.psnr) continue
      worst.set(output, { ...label, output, ...metrics, ok: metrics.psnr >= label.gate })
    }
  }
  return [...worst.values()]
}
