import { castConstant, type Graph, isFloat, own, type Session, type Tensors } from '@silane/core'
import { analyzeGraph } from '../analyze-graph.ts'
import type { DeployedFunction } from '../manifest.ts'
import { picturePixels } from '../pipeline/picture-pixels.ts'
import type { PipelinePrograms } from '../pipeline/pipeline-programs.ts'

export interface StageFunction {
  readonly program: string
  readonly name: string
  /** Names and types of what goes in and comes out. */
  readonly graph: Graph
  /** What the inputs and outputs are for: graphs that are read back do not say. */
  readonly ports: FunctionPorts
  readonly open: () => Promise<Session>
  /** The same with the ends of layers as outputs, where they are compared. */
  readonly probe?: { readonly layers: readonly string[]; readonly open: () => Promise<Session> }
  /** Set where floats go in as fp32 whatever the graph says: an ONNX file whose signature is read from the package. */
  readonly floats?: 'fp32'
  /** Set where a picture goes in as its pixels, 0 to 255: what is written for Core ML. */
  readonly pictures?: true
}

export type FunctionPorts = Pick<DeployedFunction, 'inputs' | 'outputs' | 'states'>

/** Weights of all functions up to which their sessions stay open side by side. */
const KEPT_BYTES = 256e6

/** One stage of the programs to run a pipeline over: the source graphs, the ONNX files or the packages. */
export interface StagePrograms extends PipelinePrograms {
  close(): Promise<void>
}

export function stagePrograms(functions: readonly StageFunction[]): StagePrograms {
  const opened = new Map<StageFunction, Session>()
  const small = functions.reduce((sum, { graph }) => sum + analyzeGraph(graph).constantBytes, 0) <= KEPT_BYTES
  let phase: string | undefined
  const close = async () => {
    for (const session of opened.values()) await session.close()
    opened.clear()
  }
  const release = async () => {
    if (!small) await close()
  }
  const run = async (fn: StageFunction, feeds: Tensors): Promise<Tensors> => {
    // Functions of one program hold the same weights: of large ones only those of one name stay open.
    if (fn.name !== phase) await release()
    phase = fn.name
    const session = opened.get(fn) ?? (await fn.open())
    opened.set(fn, session)
    return session.run(fittingInputs(fn, feeds))
  }
  return {
    functions: program =>
      functions.filter(fn => fn.program === program).map(fn => ({ name: fn.name, ...fn.ports, run: (feeds: Tensors) => run(fn, feeds) })),
    release,
    close,
  }
}

/** Of the tensors at hand those that a function takes, in its types. */
export const fittingInputs = (
  { graph, ports, floats, pictures }: Pick<StageFunction, 'graph' | 'ports' | 'floats' | 'pictures'>,
  given: Tensors,
): Tensors =>
  Object.fromEntries(
    [...graph.inputs, ...graph.states].flatMap(({ name, type }) => {
      const tensor = own(given, name)
      const dtype = floats && isFloat(type.dtype) ? floats : type.dtype
      const image = pictures && ports.inputs.find(input => input.name === name)?.image
      return tensor ? [[name, castConstant(image?.picture ? picturePixels(tensor, image) : tensor, dtype)]] : []
    }),
  )
