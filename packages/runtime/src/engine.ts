import type { InferenceSession, Ort } from '@silane/onnxruntime-wasm'

/** Builds of onnxruntime, by what selects them. */
export const engineNames = ['onnxruntime-node', 'onnxruntime-wasm'] as const
export type EngineName = (typeof engineNames)[number]

/** A model, and where what it names as its data stands. */
export interface ModelFiles {
  readonly path: string
  /** Files by the names that the model has for them. They stand beside it under these names where `inPlace` is set. */
  readonly data: ReadonlyMap<string, string>
}

/** One build of onnxruntime, loaded. */
export interface Engine {
  readonly name: EngineName
  /** Of onnxruntime. */
  readonly version: string
  readonly ort: Ort
  /** Opens files only by the place in which they stand, beside the model; otherwise they may stand anywhere. */
  readonly inPlace: boolean
  /** Bytes of weights that it can hold. */
  readonly capacity: number
  create(model: ModelFiles, options: InferenceSession.SessionOptions): Promise<InferenceSession>
}
