import { createRequire } from 'node:module'
import { type Engine, type EngineName, engineNames } from './engine.ts'
import { errors } from './errors.ts'
import { loadNativeEngine } from './native-engine.ts'
import { loadWasmEngine } from './wasm-engine.ts'

/** The variable that selects a build for every command. */
export const ENGINE_VARIABLE = 'SILANE_RUNTIME'

/** Threads of a session: a fixed number, so that sums are added in the same order on every run. */
export const THREADS = 2

export interface ChosenEngine {
  readonly engine: Engine
  /** Why it is not the one that is installed. */
  readonly note?: string
}

/** How the builds are looked for and loaded. */
export interface EngineLoaders {
  /** Whether onnxruntime-node is installed where this package finds it. */
  readonly installed: () => boolean
  readonly native: () => Promise<Engine>
  readonly wasm: () => Promise<Engine>
}

const loaders: EngineLoaders = {
  installed: () => {
    try {
      createRequire(import.meta.url).resolve('onnxruntime-node')
      return true
    } catch {
      return false
    }
  },
  native: loadNativeEngine,
  wasm: () => loadWasmEngine(THREADS),
}

const chosen = new Map<EngineName | undefined, Promise<ChosenEngine>>()

/**
 * onnxruntime-node where it is installed and loads, else the WebAssembly build; or the one that is asked for, here or by
 * SILANE_RUNTIME. It is loaded once. Throws E_RUNTIME_NAME and E_RUNTIME_MISSING.
 */
export function chooseEngine(wanted: EngineName | undefined = namedEngine()): Promise<ChosenEngine> {
  const found = chosen.get(wanted) ?? findEngine(wanted, loaders)
  chosen.set(wanted, found)
  return found
}

/** The same, looked for anew and elsewhere. */
export async function findEngine(wanted: EngineName | undefined, { installed, native, wasm }: EngineLoaders): Promise<ChosenEngine> {
  if (wanted === 'onnxruntime-node') return { engine: await orMissing('onnxruntime-node', native) }
  if (wanted === 'onnxruntime-wasm' || !installed()) return { engine: await orMissing('@silane/onnxruntime-wasm', wasm) }
  try {
    return { engine: await native() }
  } catch (cause) {
    const engine = await orMissing('@silane/onnxruntime-wasm', wasm)
    const problem = (cause as Error).message.split('\n')[0]
    return { engine, note: `onnxruntime-node is installed and cannot be loaded, so that its WebAssembly build ran: ${problem}` }
  }
}

async function orMissing(name: string, load: () => Promise<Engine>): Promise<Engine> {
  try {
    return await load()
  } catch (cause) {
    throw errors.E_RUNTIME_MISSING({ package: name, problem: (cause as Error).message }, { cause })
  }
}

function namedEngine(): EngineName | undefined {
  const given = process.env[ENGINE_VARIABLE]
  if (given === undefined || given === '') return undefined
  const name = engineNames.find(candidate => candidate === given)
  if (name === undefined) throw errors.E_RUNTIME_NAME({ variable: ENGINE_VARIABLE, given, names: engineNames })
  return name
}
