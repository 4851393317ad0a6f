import { join } from 'node:path'
import { type Graph, rewriteTo, type Stages } from '@silane/core'
import { readPackage } from '@silane/coreml'
import type { OnnxRuntime } from '@silane/runtime'
import type { StageName } from './gates.ts'
import type { StageFunction } from './stage-calls.ts'

/** One function and the files that hold it. */
export interface StageFiles {
  readonly program: string
  readonly name: string
  /** Undefined where the checkpoint is not at hand. */
  readonly source: Graph | undefined
  /** The package, relative to the folder, and the function's name in it. */
  readonly coreml: { readonly path: string; readonly function: string } | undefined
  readonly onnx: { readonly path: string } | undefined
}

/** The functions of every stage, ready to be opened, and the graphs for a plugin that compares them itself. */
export interface OpenStages {
  readonly stages: Readonly<Record<StageName, readonly StageFunction[]>>
  readonly graphs: Stages['functions']
}

export async function openStages(folder: string, functions: readonly StageFiles[], runtime: OnnxRuntime): Promise<OpenStages> {
  const packages = new Map<string, readonly Graph[]>()
  const stages: Record<StageName, StageFunction[]> = { source: [], onnx: [], package: [], rounded: [] }
  const graphs: Stages['functions'][number][] = []
  for (const { program, name, source, coreml, onnx } of functions) {
    if (coreml && !packages.has(coreml.path)) packages.set(coreml.path, (await readPackage(join(folder, coreml.path))).functions)
    const read = coreml && packages.get(coreml.path)?.find(graph => graph.name === coreml.function)
    const add = (stage: StageName, graph: Graph, open: StageFunction['open'], rest: Pick<StageFunction, 'floats'> = {}) =>
      stages[stage].push({ program, name, graph, open, ...rest })
    const file = onnx && join(folder, onnx.path)
    const signature = source ?? read
    if (source) {
      // Runs as what its composites mean; no rule of a plugin takes part.
      const plain = rewriteTo(source, { name: 'onnx', precision: 'fp32', opset: 8 }).graph
      add('source', plain, () => runtime.open(plain))
    }
    if (file !== undefined && signature) add('onnx', signature, () => runtime.openFile(file), { floats: 'fp32' })
    if (read) {
      add('package', read, () => runtime.open(read))
      add('rounded', read, () => runtime.open(read, { rounding: 'fp16' }))
    }
    if (source) graphs.push({ program, name, source, ...(read ? { read } : {}), ...(file === undefined ? {} : { onnx: file }) })
  }
  return { stages, graphs }
}
