import type { Tensors } from '@silane/core'
import type { DeployedOutput, DeployedTensor } from '../manifest.ts'

/** A function of a program that can be called, and what silane.json says of its inputs and outputs. */
export interface PipelineFunction {
  readonly name: string
  readonly inputs: readonly DeployedTensor[]
  readonly outputs: readonly DeployedOutput[]
  readonly states: readonly DeployedTensor[]
  /** A state is an input, and an output `…_out`. */
  run(feeds: Tensors): Promise<Tensors>
}

/** The programs of one target: source graphs, ONNX files, or packages read back. */
export interface PipelinePrograms {
  /** The functions of a program; none where the target does not have it. */
  functions(program: string): readonly PipelineFunction[]
  /** Says that a phase is over: what takes much memory may be closed, and is opened anew when it is called again. */
  release(): Promise<void>
}
