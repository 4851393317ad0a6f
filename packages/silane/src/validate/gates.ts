import type { Precision } from '@silane/core'

/** What can be run: the source graph, the ONNX file as written, the package read back, and that with fp16 rounding per op. */
export const STAGES = ['source', 'onnx', 'package', 'rounded'] as const
export type StageName = (typeof STAGES)[number]

/** A pair of stages that is compared, and the least PSNR in dB. */
export interface Gate {
  readonly actual: StageName
  readonly expected: StageName | 'golden'
  /** How the pair is called in a report. */
  readonly stage: string
  readonly gate: number
}

export interface GateOptions {
  readonly precision: Precision
  readonly onnxPrecision: Precision
  /** Without a source graph an fp16 package is held against golden outputs instead. */
  readonly hasSource: boolean
}

/** The gates of the deployment contract, section 9. */
export function chooseGates({ precision, onnxPrecision, hasSource }: GateOptions): readonly Gate[] {
  // Weights stored in fp16 are rounded as those of a package are, so such a file is held to the same figure.
  const onnx = onnxPrecision === 'fp16' ? 60 : 95
  const gates: Gate[] = [
    { actual: 'source', expected: 'golden', stage: 'source vs golden', gate: 100 },
    { actual: 'onnx', expected: 'golden', stage: 'ONNX vs golden', gate: onnx },
    { actual: 'onnx', expected: 'source', stage: 'ONNX vs source', gate: onnx },
  ]
  if (precision === 'fp32') {
    return [
      ...gates,
      { actual: 'package', expected: 'source', stage: 'package vs source', gate: 100 },
      { actual: 'package', expected: 'golden', stage: 'package vs golden', gate: 95 },
    ]
  }
  const expected = hasSource ? 'source' : 'golden'
  return [
    ...gates,
    { actual: 'package', expected, stage: `package (fp32 compute) vs ${expected}`, gate: 60 },
    { actual: 'rounded', expected, stage: `package (fp16 rounding) vs ${expected}`, gate: 40 },
  ]
}
