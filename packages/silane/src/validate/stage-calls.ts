import { castConstant, type Graph, isFloat, type Session, type Tensors } from '@silane/core'
import { analyzeGraph } from '../analyze-graph.ts'

/** One stage of the programs, to be called by name: the source graphs, the ONNX files or the packages. */
export interface StageCalls {
  /** What a function takes; undefined where the stage has no such function. */
  signature(program: string, fn: string): Graph | undefined
  call(program: string, fn: string, feeds: Tensors): Promise<Tensors>
  /** Says that a phase is over: sessions that take much memory are closed, and opened anew when called again. */
  release(): Promise<void>
  close(): Promise<void>
}

export interface StageFunction {
  readonly program: string
  readonly name: string
  /** Names and types of what goes in and comes out. */
  readonly graph: Graph
  readonly open: () => Promise<Session>
  /** Set where floats go in as fp32 whatever the graph says: an ONNX file whose signature is read from the package. */
  readonly floats?: 'fp32'
}

/** Weights of all functions up to which their sessions stay open side by side. */
const KEPT_BYTES = 256e6

export function stageCalls(functions: readonly StageFunction[]): StageCalls {
  const opened = new Map<StageFunction, Session>()
  const small = functions.reduce((sum, { graph }) => sum + analyzeGraph(graph).constantBytes, 0) <= KEPT_BYTES
  const close = async () => {
    for (const session of opened.values()) await session.close()
    opened.clear()
  }
  const find = (program: string, fn: string) => functions.find(candidate => candidate.program === program && candidate.name === fn)
  return {
    signature: (program, fn) => find(program, fn)?.graph,
    call: async (program, fn, feeds) => {
      const found = find(program, fn)
      if (!found) throw new TypeError(`this stage has no function ${program}/${fn}`)
      const session = opened.get(found) ?? (await found.open())
      opened.set(found, session)
      return session.run(fittingInputs(found, feeds))
    },
    release: async () => {
      if (!small) await close()
    },
    close,
  }
}

/** Of the tensors at hand those that a function takes, in its types. */
export const fittingInputs = ({ graph, floats }: Pick<StageFunction, 'graph' | 'floats'>, given: Tensors): Tensors =>
  Object.fromEntries(
    [...graph.inputs, ...graph.states].flatMap(({ name, type }) => {
      const tensor = given[name]
      const dtype = floats && isFloat(type.dtype) ? floats : type.dtype
      return tensor ? [[name, castConstant(tensor, dtype)]] : []
    }),
  )
