import type { Constant } from '../constant.ts'
import type { Graph } from '../graph/graph.ts'

/** Named tensors that go into or come out of a run. */
export type Tensors = Readonly<Record<string, Constant>>

/** A loaded function that can be run. */
export interface Session {
  run(inputs: Tensors): Promise<Tensors>
  close(): Promise<void>
}

/** Something that executes graphs: onnxruntime here. */
export interface Runtime {
  readonly name: string
  /** `rounding: 'fp16'` rounds every op's result to fp16, as a device that computes in fp16 would. */
  open(graph: Graph, options?: { readonly rounding?: 'none' | 'fp16' }): Promise<Session>
}
