import type { Precision } from '@silane/core'

/** A pair of stages that is compared, and the least PSNR in dB. */
export interface Gate {
  readonly stage: string
  readonly gate: number
}

/** The gates of the deployment contract, section 9. */
export const gates = (precision: Precision, onnxPrecision: Precision) => {
  const exact = precision === 'fp32'
  return {
    sourceGolden: { stage: 'source vs golden', gate: 100 },
    // Weights in fp16 are rounded as those of a package are, so they are held to the same figure.
    onnxGolden: { stage: 'ONNX vs golden', gate: onnxPrecision === 'fp16' ? 60 : 95 },
    onnxSource: { stage: 'ONNX vs source', gate: onnxPrecision === 'fp16' ? 60 : 95 },
    packageSource: exact ? { stage: 'package vs source', gate: 100 } : { stage: 'package (fp32 compute) vs source', gate: 60 },
    packageGolden: exact ? { stage: 'package vs golden', gate: 95 } : undefined,
    roundedSource: exact ? undefined : { stage: 'package (fp16 rounding) vs source', gate: 40 },
  } satisfies Record<string, Gate | undefined>
}

export type Gates = ReturnType<typeof gates>
