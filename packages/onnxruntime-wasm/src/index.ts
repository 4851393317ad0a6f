import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ortFiles, ortFolder } from './ort-folder.ts'

export type { InferenceSession, Tensor } from 'onnxruntime-common'

/** onnxruntime's JavaScript interface, which its other builds have too. */
export type Ort = typeof import('onnxruntime-common')

export interface OnnxRuntimeWasmOptions {
  /** Threads of every session. The pool is made with the first one, so what the first call says holds. Default: 1. */
  readonly threads?: number
}

export interface OnnxRuntimeWasm {
  readonly ort: Ort
  /** Of onnxruntime. */
  readonly version: string
}

/** Loads onnxruntime as WebAssembly. Its 14 MB are read with the first session. */
export async function loadOnnxRuntimeWasm({ threads = 1 }: OnnxRuntimeWasmOptions = {}): Promise<OnnxRuntimeWasm> {
  const ort: Ort = await import(pathToFileURL(join(ortFolder(), ortFiles[0])).href)
  ort.env.wasm.numThreads ??= threads
  // Set anew for every session that is made; what goes wrong is thrown, and printing it as well would only disturb.
  ort.env.logLevel = 'fatal'
  return { ort, version: ort.env.versions.web ?? ort.env.versions.common }
}
