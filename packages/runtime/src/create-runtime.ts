import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Graph, Runtime, Session } from '@silane/core'
import { writeOnnx } from '@silane/onnx'
import type { InferenceSession } from 'onnxruntime-node'
import { errors } from './errors.ts'
import { OnnxSession } from './onnx-session.ts'

/** onnxruntime on this machine's CPU. */
export interface OnnxRuntime extends Runtime {
  /** Opens an ONNX file as it was written. */
  openFile(path: string): Promise<Session>
}

/** What the reference is computed with: a fixed number of threads, so that sums are added in the same order on every run. */
const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 2,
  interOpNumThreads: 1,
  // What goes wrong is thrown; printing it as well would only disturb.
  logSeverityLevel: 4,
}

export interface RuntimeOptions {
  /** Where graphs are written while they are opened; the system's temporary folder unless given. */
  readonly folder?: string
}

/** A runtime. onnxruntime-node is loaded with the first session. Throws E_RUNTIME_MISSING where it is not there. */
export function createRuntime({ folder: parent = tmpdir() }: RuntimeOptions = {}): OnnxRuntime {
  const create = async (path: string, name: string, release: () => void): Promise<Session> => {
    const ort = await loadOnnxRuntime()
    try {
      return new OnnxSession(ort, await ort.InferenceSession.create(path, sessionOptions), name, release)
    } catch (cause) {
      throw errors.E_SESSION({ graph: name, problem: (cause as Error).message }, { cause })
    }
  }
  return {
    name: 'onnxruntime',
    openFile: path => create(path, basename(path), () => {}),
    open: async (graph: Graph, options = {}) => {
      const folder = mkdtempSync(join(parent, 'silane-'))
      const remove = () => rmSync(folder, { recursive: true, force: true })
      try {
        const file = `${graph.name}.onnx`
        await writeOnnx([{ graph, file }], { folder, dataFile: `${file}_data`, external: true, rounding: options.rounding ?? 'none' })
        const session = await create(join(folder, file), graph.name, remove)
        // What is mapped into memory outlives its name, so that a killed process leaves nothing behind; Windows keeps what is open.
        if (process.platform !== 'win32') remove()
        return session
      } catch (error) {
        remove()
        throw error
      }
    },
  }
}

async function loadOnnxRuntime() {
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw errors.E_RUNTIME_MISSING({ problem: (cause as Error).message }, { cause })
  }
}
