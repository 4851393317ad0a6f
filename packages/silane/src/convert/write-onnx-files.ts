import type { Graph, Precision } from '@silane/core'
import type { WrittenOnnx } from './build-manifest.ts'
import type { Progress } from './convert-options.ts'
import type { ProgramPlan } from './plan-deployment.ts'

export interface WriteOnnxOptions {
  readonly folder: string
  readonly precision: Precision
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Writes the ONNX files of a program and gives what was written by function name. */
export async function writeOnnxFiles(
  _plan: ProgramPlan,
  _graphs: ReadonlyMap<string, Graph>,
  _options: WriteOnnxOptions,
): Promise<ReadonlyMap<string, WrittenOnnx>> {
  return new Map()
}
