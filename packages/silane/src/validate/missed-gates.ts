import type { Comparison } from '@silane/core'

/** One sentence for each output that misses its gate: which line, and by how much. */
export const missedGates = (comparisons: readonly Comparison[]): string[] =>
  comparisons
    .filter(({ ok }) => !ok)
    .map(({ program, function: name, output, line, actual, expected, psnr, gate = 0, problem }) => {
      const by = problem ?? `${psnr.toFixed(1)} dB, ${(gate - psnr).toFixed(1)} dB short of ${gate}`
      return `${program}/${name} ${output}, ${line} (${actual} vs ${expected}): ${by}`
    })
