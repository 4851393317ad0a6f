import { cutProgram, cutSteps, errors, type Graph, type Pipeline, type Program, type SourceModel } from '@silane/core'
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
 * E_OPTION where a program cannot be cut small enough, and for a `name` that files cannot have.
 */
export function planDeployment(model: SourceModel, settings: Settings, name?: string): Deployment {
  const fileName = namedBy(name, model)
  const { targets, maxPackageBytes: limit, precision } = settings
  const bytesPerFloat = precision === 'fp16' ? 2 : 4
  let { steps } = model.pipeline
  const programs = model.programs.flatMap(program => {
    const parts = targets.includes('coreml') ? cutProgram(program, { limit, bytesPerFloat }) : [program]
    if (parts.length === 1) return [planProgram(program, { ...settings, fileName })]
    steps = cutSteps(steps, program, parts)
    const pieces = parts.map(part => ({ ...planProgram(part, { ...settings, targets: ['coreml'], fileName }), partOf: program.name }))
    return targets.includes('onnx') ? [...pieces, planProgram(program, { ...settings, targets: ['onnx'], fileName })] : pieces
  })
  return { programs, pipeline: { ...model.pipeline, steps } }
}

/** What the files of a program, or of a part of one, are called, without an ending. */
type FileName = (program: string) => string

/** The programs' own names; a `name` that is asked for stands in the place of the only one, and before the names of several. */
function namedBy(name: string | undefined, { programs }: SourceModel): FileName {
  if (name === undefined) return program => program
  if (!/^[A-Za-z][\w-]{0,63}$/.test(name)) {
    const problem = `"${name}" is no name of a package, which begins with a letter and has up to 64 letters, digits, "_" and "-"`
    throw errors.E_OPTION({ option: '--name', problem, next: 'Give one such as TextEncoder.' })
  }
  const [only] = programs
  return program =>
    programs.length === 1 && only && program.startsWith(only.name) ? name + program.slice(only.name.length) : `${name}_${program}`
}

function planProgram(
  program: Program,
  { opset, targets, fileName }: Pick<Settings, 'opset' | 'targets'> & { readonly fileName: FileName },
): ProgramPlan {
  const { name, functions } = program
  const file = fileName(name)
  const several = functions.length > 1
  const coreml = targets.includes('coreml')
  const onnx = targets.includes('onnx')
  const apart = several && opset < MULTI_FUNCTION_OPSET
  const packageOf = (graph: Graph) => (apart ? `${file}_${graph.name.replace(/^main_/, '')}.mlpackage` : `${file}.mlpackage`)
  const planned = functions.map((graph): FunctionPlan => {
    return {
      name: several ? graph.name : 'main',
      source: graph,
      coreml: coreml ? { path: packageOf(graph), function: several && !apart ? graph.name : 'main' } : undefined,
      onnx: onnx ? { path: `${ONNX_FOLDER}/${several ? `${file}_${graph.name}` : file}.onnx` } : undefined,
    }
  })
  const paths = [...new Set(planned.map(({ coreml: at }) => at?.path))].filter(path => path !== undefined)
  const packages = paths.map(path => ({ path, functions: planned.filter(f => f.coreml?.path === path).map(f => f.name) }))
  return { name, functions: planned, packages, onnxData: `${ONNX_FOLDER}/${file}${ONNX_DATA}` }
}
