import { cutProgram, cutSteps, type Graph, type Pipeline, type Program, type SourceModel } from '@silane/core'
import { MULTI_FUNCTION_OPSET, type Settings } from './resolve-settings.ts'

export const ONNX_FOLDER = 'onnx'

/** How the name ends of a file that holds weights of a program's ONNX files. */
export const ONNX_DATA = '.onnx_data'

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
  /** The program that this is a part of, cut to the size of a package. */
  readonly partOf?: string
  readonly functions: readonly FunctionPlan[]
  readonly packages: readonly PackagePlan[]
  /** The file for the weights of all ONNX functions; a single function below 100 MB holds its own. */
  readonly onnxData: string
}

/** Which files a conversion will consist of, and the steps by the programs that are deployed. Nothing is written here. */
export interface Deployment {
  readonly programs: readonly ProgramPlan[]
  readonly pipeline: Pipeline
}

/**
 * Cuts programs to the size of a package: where one exceeds it, Core ML gets parts and ONNX, which knows no limit, the whole. Throws
 * E_OPTION where a program cannot be cut small enough.
 */
export function planDeployment(model: SourceModel, settings: Settings): Deployment {
  const { targets, maxPackageBytes: limit, precision } = settings
  const bytesPerFloat = precision === 'fp16' ? 2 : 4
  let { steps } = model.pipeline
  const programs = model.programs.flatMap(program => {
    const parts = targets.includes('coreml') ? cutProgram(program, { limit, bytesPerFloat }) : [program]
    if (parts.length === 1) return [planProgram(program, settings, targets)]
    steps = cutSteps(steps, program, parts)
    const pieces = parts.map(part => ({ ...planProgram(part, settings, ['coreml']), partOf: program.name }))
    return targets.includes('onnx') ? [...pieces, planProgram(program, settings, ['onnx'])] : pieces
  })
  return { programs, pipeline: { ...model.pipeline, steps } }
}

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
  return { name, functions: planned, packages, onnxData: `${ONNX_FOLDER}/${name}${ONNX_DATA}` }
}
