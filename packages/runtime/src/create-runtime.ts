import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Graph, Runtime, Session } from '@silane/core'
import { writeOnnx } from '@silane/onnx'
import type { InferenceSession } from 'onnxruntime-node'
import { errors } from './errors.ts'
import { type DataHolder, linkConstants } from './link-constants.ts'
import { OnnxSession, type Refused } from './onnx-session.ts'

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

/**
 * For a handful of runs: a model of 100 M weights opens in 50 ms instead of 300 and each run takes a tenth longer; weights stay
 * mapped where they stand instead of being copied into another order, and constants in fp16 are widened as they are used.
 */
const unoptimized: InferenceSession.SessionOptions = {
  graphOptimizationLevel: 'disabled',
  extra: { session: { disable_prepacking: '1' } },
}

export interface RuntimeOptions {
  /**
   * Where graphs are written while they are opened; the system's temporary folder unless given. Constants that stand in a file
   * (`at`) are linked into it where it is on the same disk as they are, and written where it is not.
   */
  readonly folder?: string
  /** What is opened was given by somebody: that onnxruntime refuses it is no fault of the converter. Default: it was made here. */
  readonly foreign?: boolean
  /** False: sessions are opened for a few runs, fast and small. Default: for many. */
  readonly optimize?: boolean
  /** Files that hold constants besides, such as the data of an ONNX file that was just written: offsets by `dataKey`. */
  readonly data?: readonly DataHolder[]
}

/** A runtime. onnxruntime-node is loaded with the first session. Throws E_RUNTIME_MISSING where it is not there. */
export function createRuntime({
  folder: parent = tmpdir(),
  optimize = true,
  data = [],
  foreign = false,
}: RuntimeOptions = {}): OnnxRuntime {
  const settings = { ...sessionOptions, ...(optimize ? {} : unoptimized) }
  const refused: Refused = foreign ? errors.E_SESSION_FILE : errors.E_SESSION
  const create = async (path: string, name: string, release: () => void): Promise<Session> => {
    const ort = await loadOnnxRuntime()
    try {
      return new OnnxSession(ort, await ort.InferenceSession.create(path, settings), { graph: name, release, refused })
    } catch (cause) {
      throw refused({ graph: name, problem: (cause as Error).message }, { cause })
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
        await writeOnnx([{ graph, file }], {
          folder,
          dataFile: `${file}_data`,
          external: true,
          rounding: options.rounding ?? 'none',
          standing: linkConstants(folder, data),
        })
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
  // It reports to its maker unless this stands in the environment when it is loaded. A conversion is nobody else's business.
  process.env.ORT_DISABLE_TELEMETRY = '1'
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw errors.E_RUNTIME_MISSING({ problem: (cause as Error).message }, { cause })
  }
}
