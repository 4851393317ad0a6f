import type { Comparison } from '@silane/core'

/** One line for each output that misses its gate, and by how much. */
export const missedGates = (comparisons: readonly Comparison[]): string[] =>
  comparisons
    .filter(({ ok }) => !ok)
    .map(({ program, function: name, output, stage, psnr, gate }) => {
      const by = Number.isFinite(psnr)
        ? `${psnr.toFixed(1)} dB, ${(gate - psnr).toFixed(1)} dB short of ${gate}`
        : `not finite, the gate is ${gate} dB`
      return `${program}/${name} ${output}, ${stage}: ${by}`
    })
