import type { Graph } from '../graph/graph.ts'
import type { SourceModel } from './source-model.ts'

/** One compared output. */
export interface Comparison {
  readonly program: string
  readonly function: string
  readonly output: string
  /** Which pair of stages, such as "package (fp16 rounding) vs source". */
  readonly stage: string
  /** dB; Infinity where equal. */
  readonly psnr: number
  readonly maxAbs: number
  readonly cosine: number
  readonly gate: number
  readonly ok: boolean
}

export interface Report {
  readonly ok: boolean
  readonly comparisons: readonly Comparison[]
  readonly notes: readonly string[]
}

/** The three graphs of one program that validate compares. */
export interface Stages {
  readonly model: SourceModel
  /** By program and function name; `read` are graphs read back from what was written. */
  readonly functions: readonly {
    readonly program: string
    readonly name: string
    readonly source: Graph
    readonly read?: Graph
    readonly onnx?: string
  }[]
}
