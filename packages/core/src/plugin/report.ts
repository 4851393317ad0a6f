import type { Graph } from '../graph/graph.ts'
import type { SourceModel } from './source-model.ts'

/**
 * What a comparison tells, each loss apart from the others: `original` the source graph against the original implementation,
 * `onnx` the ONNX file, `lowering` the target graph before half precision, `file` what is read back from disk, `weights` the
 * constants as written, `arithmetic` every op rounded, `total` both of these together.
 */
export type Line = 'original' | 'onnx' | 'lowering' | 'file' | 'weights' | 'arithmetic' | 'total'

/** One compared output. */
export interface Comparison {
  readonly program: string
  readonly function: string
  readonly output: string
  readonly line: Line
  /** What was compared, and what with: "ONNX file", "source graph". */
  readonly actual: string
  readonly expected: string
  /** dB, of all samples together; Infinity where equal. */
  readonly psnr: number
  readonly maxAbs: number
  readonly cosine: number
  /** dB of the sample that fares worst, where samples are large enough to tell. */
  readonly worst: number
  /** The least PSNR in dB; absent where the figure is only reported. */
  readonly gate?: number | undefined
  readonly ok: boolean
  /** Why there is no figure: a NaN, another shape. */
  readonly problem?: string | undefined
}

/** What one function, or a program that is driven by several calls, was run on. */
export interface Coverage {
  readonly program: string
  readonly function: string
  /** Where the inputs come from. */
  readonly inputs: 'golden' | 'plugin' | 'random'
  readonly samples: number
  /** Whether outputs were held against those of the original implementation. */
  readonly original: boolean
}

export interface Report {
  readonly ok: boolean
  readonly comparisons: readonly Comparison[]
  readonly notes: readonly string[]
  /** What is within the gates and worth knowing all the same. */
  readonly warnings?: readonly string[]
  readonly coverage?: readonly Coverage[]
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
