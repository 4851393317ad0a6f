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

/** Which files a conversion will consist of. Nothing is written here. */
export const planDeployment = (model: SourceModel, settings: Settings): readonly ProgramPlan[] =>
  model.programs.map(program => planProgram(program, settings))

function planProgram(program: Program, { targets, opset }: Settings): ProgramPlan {
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
