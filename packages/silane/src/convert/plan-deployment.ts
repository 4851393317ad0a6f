import type { Graph, Program, SourceModel } from '@silane/core'
import { MULTI_FUNCTION_OPSET, type Settings } from './resolve-settings.ts'

export const ONNX_FOLDER = 'onnx'

/** One function and where it goes. Paths are relative to the output folder. */
export interface FunctionPlan {
  readonly name: string
  readonly source: Graph
  /** The package that holds it, and its name in there. */
  readonly coreml: { readonly path: string; readonly function: string } | undefined
  readonly onnx: { readonly path: string } | undefined
}

export interface PackagePlan {
  readonly path: string
  /** Names of the functions, the default one first. */
  readonly functions: readonly string[]
}

export interface ProgramPlan {
  readonly name: string
  readonly functions: readonly FunctionPlan[]
  readonly packages: readonly PackagePlan[]
  /** The file for the weights of all ONNX functions; a single function below 100 MB holds its own. */
  readonly onnxData: string
}

/** The programs to deploy. `whole` has in one piece what was cut to the size of a package. */
export interface ModelToDeploy {
  readonly model: SourceModel
  readonly whole?: SourceModel | undefined
}

/** Which files a conversion will consist of. Nothing is written here. */
export function planDeployment({ model, whole }: ModelToDeploy, settings: Settings): readonly ProgramPlan[] {
  const links = chainOf(model.pipeline)
  const pieces = model.programs.map(program => planProgram(program, settings, links.includes(program.name) ? ['coreml'] : settings.targets))
  // ONNX knows no limit: there the decoder is one program.
  const names = new Set(model.programs.map(({ name }) => name))
  const uncut = whole?.programs.filter(({ name }) => !names.has(name)) ?? []
  return [...pieces, ...uncut.map(program => planProgram(program, settings, ['onnx']))]
}

/** The links of a decoder that was cut to size, in order. */
export const chainOf = ({ chain }: { readonly [key: string]: unknown }): readonly string[] =>
  Array.isArray(chain) ? chain.map(String) : []

function planProgram(program: Program, { opset }: Settings, targets: Settings['targets']): ProgramPlan {
  const { name, functions } = program
  const several = functions.length > 1
  const coreml = targets.includes('coreml')
  const onnx = targets.includes('onnx')
  const apart = several && opset < MULTI_FUNCTION_OPSET
  const packageOf = (graph: Graph) => (apart ? `${name}_${graph.name.replace(/^main_/, '')}.mlpackage` : `${name}.mlpackage`)
  const planned = functions.map((graph): FunctionPlan => {
    return {
      name: several ? graph.name : 'main',
      source: graph,
      coreml: coreml ? { path: packageOf(graph), function: several && !apart ? graph.name : 'main' } : undefined,
      onnx: onnx ? { path: `${ONNX_FOLDER}/${several ? `${name}_${graph.name}` : name}.onnx` } : undefined,
    }
  })
  const paths = [...new Set(planned.map(({ coreml: at }) => at?.path))].filter(path => path !== undefined)
  const packages = paths.map(path => ({ path, functions: planned.filter(f => f.coreml?.path === path).map(f => f.name) }))
  return { name, functions: planned, packages, onnxData: `${ONNX_FOLDER}/${name}.onnx_data` }
}
