import type { Line, Precision } from '@silane/core'

/**
 * What can be run, and how a report calls it: the source graph, the ONNX file as written, the graph for Core ML before and after
 * half precision, the package read back, and that with every op's result rounded to fp16.
 */
export const stageNames = {
  source: 'source graph',
  onnx: 'ONNX file',
  lowered: 'target graph in fp32',
  target: 'target graph',
  package: 'package',
  rounded: 'package, every op rounded',
} as const
export type StageName = keyof typeof stageNames

/** What somebody else computed: the golden outputs of the original implementation. */
export const ORIGINAL = 'original'

/** A pair that is compared. */
export interface Gate {
  readonly line: Line
  readonly actual: StageName
  readonly expected: StageName | typeof ORIGINAL
  /** The least PSNR in dB. Absent: the figure is reported, and nothing can be missed. */
  readonly gate?: number
  /** Where all samples together, or one of them, lie below this, there is a warning. */
  readonly warn?: number
}

export interface GateOptions {
  readonly precision: Precision
  readonly onnxPrecision: Precision
  /** Without a source graph a package is held against golden outputs instead. */
  readonly hasSource: boolean
}

/** What rounding the weights of a model to fp16 usually leaves: trained models whose activations do not saturate lie above. */
const WEIGHTS_FP16 = 60

/** The gates of the deployment contract, section 9: docs/guides/read-the-report.md says what each line tells. */
export function chooseGates({ precision, onnxPrecision, hasSource }: GateOptions): readonly Gate[] {
  const reference = hasSource ? 'source' : ORIGINAL
  const gates: Gate[] = [
    { line: 'original', actual: 'source', expected: ORIGINAL, gate: 100 },
    ...onnxGates(onnxPrecision, reference),
    { line: 'lowering', actual: 'lowered', expected: 'source', gate: 100 },
    { line: 'file', actual: 'package', expected: 'target', gate: 120 },
  ]
  // Nothing is rounded: the lowering and the file say it all, but for what the original makes of it.
  if (precision === 'fp32') return [...gates, { line: 'total', actual: 'package', expected: ORIGINAL, gate: 95 }]
  return [
    ...gates,
    { line: 'weights', actual: 'package', expected: reference, warn: WEIGHTS_FP16 },
    { line: 'arithmetic', actual: 'rounded', expected: 'package', gate: 40 },
    { line: 'total', actual: 'rounded', expected: reference, gate: 40 },
  ]
}

/** ONNX computes in fp32 always: with weights in fp16 all it loses is what they lose. */
function onnxGates(precision: Precision, reference: 'source' | typeof ORIGINAL): readonly Gate[] {
  if (precision === 'fp16')
    return [
      { line: 'weights', actual: 'onnx', expected: reference, warn: WEIGHTS_FP16 },
      { line: 'total', actual: 'onnx', expected: reference, gate: 40 },
    ]
  return [
    { line: 'onnx', actual: 'onnx', expected: 'source', gate: 95 },
    { line: 'onnx', actual: 'onnx', expected: ORIGINAL, gate: 95 },
  ]
}
