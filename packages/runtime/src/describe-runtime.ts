import { chooseEngine } from './choose-engine.ts'
import type { EngineName } from './engine.ts'

/** Which build of onnxruntime runs. */
export interface RuntimeFacts {
  readonly name: EngineName
  readonly version: string
  /** Why it is not the one that is installed. */
  readonly note?: string
}

/** Which build of onnxruntime runs here, loaded to know. Throws what opening a session would. */
export async function describeRuntime(): Promise<RuntimeFacts> {
  const { engine, note } = await chooseEngine()
  return { name: engine.name, version: engine.version, ...(note === undefined ? {} : { note }) }
}

/** A sentence with the command that makes runs faster, where the WebAssembly build runs. */
export async function runtimeAdvice(): Promise<string | undefined> {
  const { name, note } = await describeRuntime()
  if (name !== 'onnxruntime-wasm') return undefined
  return `${note === undefined ? 'onnxruntime runs as WebAssembly' : note}; for the native build, which is faster and takes models over 2 GB: npm install onnxruntime-node`
}
