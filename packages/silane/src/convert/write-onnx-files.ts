import { mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Graph, Precision } from '@silane/core'
import { writeOnnx } from '@silane/onnx'
import type { WrittenOnnx } from './build-manifest.ts'
import type { Progress } from './convert-options.ts'
import type { ProgramPlan } from './plan-deployment.ts'

export interface WriteOnnxOptions {
  readonly folder: string
  readonly precision: Precision
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Writes the ONNX files of a program, weights shared, and gives what was written by function name. */
export function writeOnnxFiles(
  plan: ProgramPlan,
  graphs: ReadonlyMap<string, Graph>,
  { folder, precision, signal, onProgress }: WriteOnnxOptions,
): ReadonlyMap<string, WrittenOnnx> {
  const functions = plan.functions.flatMap(({ name, onnx }) => {
    const graph = graphs.get(name)
    return graph && onnx ? [{ name, graph, file: basename(onnx.path), path: onnx.path }] : []
  })
  const [first] = functions
  if (!first || plan.onnxData === undefined) return new Map()
  const into = join(folder, dirname(first.path))
  mkdirSync(into, { recursive: true })
  onProgress?.({ step: `write ${dirname(first.path)}/${plan.name}` })
  const { files } = writeOnnx(functions, { folder: into, dataFile: basename(plan.onnxData), weights: precision, signal })
  return new Map(functions.map(({ name }, i) => [name, { opset: files[i]?.opset ?? 0, bytes: files[i]?.bytes ?? 0 }]))
}
