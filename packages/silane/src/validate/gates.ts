import type { Precision } from '@silane/core'

/** A pair of stages that is compared, and the least PSNR in dB. */
export interface Gate {
  readonly stage: string
  readonly gate: number
}

/** The comparisons of a validation; undefined where one makes no sense. */
export interface Gates {
  readonly sourceGolden: Gate
  readonly onnxGolden: Gate
  readonly onnxSource: Gate
  readonly packageSource: Gate
  readonly packageGolden: Gate | undefined
  readonly roundedSource: Gate | undefined
  readonly roundedGolden: Gate | undefined
}

export interface GateOptions {
  readonly precision: Precision
  readonly onnxPrecision: Precision
  /** Without a source graph an fp16 package is held against golden outputs instead. */
  readonly hasSource: boolean
}

/** The gates of the deployment contract, section 9. */
export function chooseGates({ precision, onnxPrecision, hasSource }: GateOptions): Gates {
  // Weights stored in fp16 are rounded as those of a package are, so such a file is held to the same figure.
  const onnx = onnxPrecision === 'fp16' ? 60 : 95
  const exact = precision === 'fp32'
  const computed = exact ? 'package' : 'package (fp32 compute)'
  const rounded = 'package (fp16 rounding)'
  return {
    sourceGolden: { stage: 'source vs golden', gate: 100 },
    onnxGolden: { stage: 'ONNX vs golden', gate: onnx },
    onnxSource: { stage: 'ONNX vs source', gate: onnx },
    packageSource: { stage: `${computed} vs source`, gate: exact ? 100 : 60 },
    packageGolden: exact
      ? { stage: `${computed} vs golden`, gate: 95 }
      : hasSource
        ? undefined
        : { stage: `${computed} vs golden`, gate: 60 },
    roundedSource: exact ? undefined : { stage: `${rounded} vs source`, gate: 40 },
    roundedGolden: exact || hasSource ? undefined : { stage: `${rounded} vs golden`, gate: 40 },
  }
}
