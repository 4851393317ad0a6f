import { join } from 'node:path'
import { type Graph, graphDifference, rewriteTo, type Stages } from '@silane/core'
import { readPackage } from '@silane/coreml'
import type { OnnxRuntime } from '@silane/runtime'
import { errors } from '../errors.ts'
import { folderProgram } from '../folder-program.ts'
import { MANIFEST_FILE } from '../manifest.ts'
import type { StageName } from './gates.ts'
import { type ProbedGraph, probeLayers } from './layer-probes.ts'
import type { FunctionPorts, StageFunction } from './stage-calls.ts'

/** One function, the graphs that it went through and the files that hold it. */
export interface StageFiles {
  readonly program: string
  readonly name: string
  readonly ports: FunctionPorts
  /** Undefined where the checkpoint is not at hand. */
  readonly source: Graph | undefined
  /** What was written, by target, and for Core ML that graph before half precision. */
  readonly written: { readonly coreml?: Graph | undefined; readonly exact?: Graph | undefined; readonly onnx?: Graph | undefined }
  /** The package, relative to the folder, and the function's name in it. */
  readonly coreml: { readonly path: string; readonly function: string } | undefined
  readonly onnx: { readonly path: string; readonly holdsSource: boolean } | undefined
}

/** The functions of every stage, ready to be opened, and the graphs for a plugin that compares them itself. */
export interface OpenStages {
  /** A function that is the same in two stages is one object in both: it need run only once. */
  readonly stages: Readonly<Record<StageName, readonly StageFunction[]>>
  readonly graphs: Stages['functions']
  readonly notes: readonly string[]
}

export async function openStages(folder: string, functions: readonly StageFiles[], runtime: OnnxRuntime): Promise<OpenStages> {
  const packages = new Map<string, readonly Graph[]>()
  const stages: Record<StageName, StageFunction[]> = { source: [], onnx: [], lowered: [], target: [], package: [], rounded: [] }
  const graphs: Stages['functions'][number][] = []
  const notes: string[] = []
  const equal = new Set<string>()
  for (const { program, name, ports, source, written, coreml, onnx } of functions) {
    if (coreml && !packages.has(coreml.path))
      packages.set(coreml.path, (await readPackage(folderProgram(folder, coreml.path, 'package'))).functions)
    const read = coreml && packages.get(coreml.path)?.find(graph => graph.name === coreml.function)
    const add = (stage: StageName, fn: StageFunction): StageFunction => {
      stages[stage].push(fn)
      return fn
    }
    const run = (graph: Graph, rounding: 'none' | 'fp16' = 'none'): StageFunction => ({
      program,
      name,
      graph,
      ports,
      open: () => runtime.open(graph, { rounding }),
    })
    const packaged = (graph: Graph, rounding?: 'fp16'): StageFunction => ({ ...run(graph, rounding), pictures: true })
    const file = onnx && folderProgram(folder, onnx.path, 'onnx')
    const signature = source ?? read
    if (signature) requireShapes(folder, `${program}/${name}`, ports, signature)
    const asOnnx: StageFunction | undefined =
      file === undefined || !signature
        ? undefined
        : { program, name, graph: signature, ports, open: () => runtime.openFile(file), floats: 'fp32' }
    if (source) {
      // Runs as what its composites mean; no rule of a plugin takes part.
      const plain = rewriteTo(source, { name: 'onnx', precision: 'fp32', opset: 8 }).graph
      // The file then is the source graph, and one run stands for both. Beside a package, which is held against it.
      const same = asOnnx && read && onnx?.holdsSource && written.onnx && graphDifference(plain, written.onnx) === undefined
      add('source', same ? asOnnx : run(plain))
    }
    if (asOnnx) add('onnx', asOnnx)
    if (read) {
      const asPackage = add('package', packaged(read))
      const difference = written.coreml && graphDifference(written.coreml, read, equal)
      // What was read back has no modules; where it is the same as what was written, that tells them.
      const same = written.coreml && written.exact && difference === undefined && written.exact !== written.coreml
      const [exactProbe, probe] = (same && probeLayers(written.exact, written.coreml, read)) || []
      const probed = (found: ProbedGraph | undefined, rounding?: 'fp16') =>
        found ? { probe: { layers: found.layers, open: () => runtime.open(found.graph, { rounding: rounding ?? 'none' }) } } : {}
      add('rounded', { ...packaged(read, 'fp16'), ...probed(probe, 'fp16') })
      if (difference !== undefined) notes.push(`${program}/${name}: the package differs from the target graph: ${difference}`)
      const asTarget = written.coreml && add('target', difference === undefined ? asPackage : packaged(written.coreml))
      if (written.exact)
        add('lowered', asTarget && written.exact === written.coreml ? asTarget : { ...packaged(written.exact), ...probed(exactProbe) })
    }
    if (source) graphs.push({ program, name, source, ...(read ? { read } : {}), ...(file === undefined ? {} : { onnx: file }) })
  }
  return { stages, graphs, notes }
}

/**
 * Samples are made in the shapes that a manifest states, before anything is run. Throws E_MANIFEST where the program has others: what
 * takes no memory in a file may take all of a machine's.
 */
function requireShapes(folder: string, name: string, { inputs, states }: FunctionPorts, graph: Graph): void {
  const shapes = new Map([...graph.inputs, ...graph.states].map(value => [value.name, value.type.shape.join(', ')]))
  for (const port of [...inputs, ...states]) {
    const [stated, taken] = [port.shape.join(', '), shapes.get(port.name)]
    if (stated === taken) continue
    const problem = `${name} takes ${port.name} [${stated}] there, and ${taken === undefined ? 'has no such input' : `[${taken}]`} in its file`
    throw errors.E_MANIFEST({ problem, where: join(folder, MANIFEST_FILE) })
  }
}
