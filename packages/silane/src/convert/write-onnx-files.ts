import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type FiniteConstants, type Graph, type NonFinite, type Precision, sizeOf } from '@silane/core'
import { type WrittenProgram, writeOnnx } from '@silane/onnx'
import type { DataHolder } from '@silane/runtime'
import type { WrittenOnnx } from './build-manifest.ts'
import type { Progress } from './convert-options.ts'
import { ONNX_FOLDER, type ProgramPlan } from './plan-deployment.ts'

export interface WriteOnnxOptions {
  readonly folder: string
  readonly precision: Precision
  /** Constants that another file has with finite elements alone. */
  readonly finite: FiniteConstants
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** The ONNX files of a program by function name, and the file that holds the weights of all, where they do not. */
export interface WrittenOnnxFiles {
  readonly onnx: ReadonlyMap<string, WrittenOnnx>
  readonly onnxData: DataHolder | undefined
  /** Constants that hold infinities or NaN as they were written. */
  readonly onnxNonFinite: readonly NonFinite[]
}

/** Writes the ONNX files of a program. */
export async function writeOnnxFiles(
  plan: ProgramPlan,
  lowered: ReadonlyMap<string, Graph>,
  options: WriteOnnxOptions,
): Promise<WrittenOnnxFiles> {
  const { folder, precision, finite, signal, onProgress } = options
  const graphs = plan.functions.flatMap(({ name, onnx }) => {
    const graph = lowered.get(name)
    return onnx && graph ? [{ name, graph, file: basename(onnx.path) }] : []
  })
  if (graphs.length === 0) return { onnx: new Map(), onnxData: undefined, onnxNonFinite: [] }
  await mkdir(join(folder, ONNX_FOLDER), { recursive: true })
  const total = Math.max(1, weightBytes(graphs, precision))
  const { files, data, nonFinite } = await writeOnnx(graphs, {
    folder: join(folder, ONNX_FOLDER),
    dataFile: basename(plan.onnxData),
    weights: precision,
    finite,
    signal,
    onProgress: onProgress && progressOf(plan.name, total, onProgress),
  })
  return {
    onnx: new Map(graphs.map(({ name, file }) => [name, written(files, file)])),
    onnxData: data && { file: join(folder, ONNX_FOLDER, data.file), offsets: data.offsets },
    onnxNonFinite: nonFinite,
  }
}

function written(files: WrittenProgram['files'], file: string): WrittenOnnx {
  const found = files.find(entry => entry.file === file)
  if (!found) throw new TypeError(`${file} was not written`)
  const { opset, bytes, ops, initializers, weightBytes } = found
  return { opset, bytes, contents: { ops, initializers, weightBytes } }
}

const weightBytes = (graphs: readonly { readonly graph: Graph }[], precision: Precision): number =>
  graphs
    .flatMap(({ graph }) => graph.ops.filter(op => op.kind === 'const'))
    .reduce((sum, op) => sum + sizeOf(op.outputs[0]?.type.shape ?? [0]) * (precision === 'fp16' ? 2 : 4), 0)

function progressOf(program: string, total: number, tell: (progress: Progress) => void): (bytes: number) => void {
  let done = 0
  return bytes => {
    done += bytes
    const written = Math.min(done, total)
    tell({ step: `write ONNX ${program}`, fraction: written / total, bytes: written, total })
  }
}
