import { existsSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, sep } from 'node:path'
import { type Graph, type Runtime, unfinishedFolder } from '@silane/core'
import { readOnnxSummary, writeOnnx } from '@silane/onnx'
import type { InferenceSession } from '@silane/onnxruntime-wasm'
import { chooseEngine, THREADS } from './choose-engine.ts'
import type { Engine, EngineName, ModelFiles } from './engine.ts'
import { errors } from './errors.ts'
import { OnnxSession, type Refused } from './onnx-session.ts'
import { type DataHolder, linkInto, placeConstants } from './place-constants.ts'
import { weightBytes } from './weight-bytes.ts'

/** onnxruntime on this machine's CPU. */
export interface OnnxRuntime extends Runtime {
  /** Opens an ONNX file as it was written. */
  openFile(path: string): Promise<OnnxSession>
  open(graph: Graph, options?: Parameters<Runtime['open']>[1]): Promise<OnnxSession>
}

const sessionOptions: InferenceSession.SessionOptions = {
  intraOpNumThreads: THREADS,
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
   * (`at`) are used where they stand if the file is on the same disk as it, and written where it is not.
   */
  readonly folder?: string
  /** What is opened was given by somebody: that onnxruntime refuses it is no fault of the converter. Default: it was made here. */
  readonly foreign?: boolean
  /** False: sessions are opened for a few runs, fast and small. Default: for many. */
  readonly optimize?: boolean
  /** Files that hold constants besides, such as the data of an ONNX file that was just written: offsets by `dataKey`. */
  readonly data?: readonly DataHolder[]
  /** Which build of onnxruntime. Default: what SILANE_RUNTIME says, else onnxruntime-node where it is installed and loads. */
  readonly engine?: EngineName | undefined
}

/** A runtime. onnxruntime is loaded with the first session. Throws E_RUNTIME_MISSING where it is not there. */
export function createRuntime({
  folder: parent = tmpdir(),
  optimize = true,
  data = [],
  foreign = false,
  engine: wanted,
}: RuntimeOptions = {}): OnnxRuntime {
  const settings = { ...sessionOptions, ...(optimize ? {} : unoptimized) }
  const faulty: Refused = foreign ? errors.E_SESSION_FILE : errors.E_SESSION
  const create = async (engine: Engine, files: ModelFiles, name: string, release: () => void): Promise<OnnxSession> => {
    const refused: Refused = (facts, options) =>
      engine.capacity !== Number.POSITIVE_INFINITY && outOfMemory.test(facts.problem)
        ? errors.E_RUNTIME_MEMORY({ graph: facts.graph, engine: engine.name }, options)
        : faulty(facts, options)
    try {
      return new OnnxSession(engine.ort, await engine.create(files, settings), { graph: name, release, refused })
    } catch (cause) {
      throw refused({ graph: name, problem: (cause as Error).message }, { cause })
    }
  }
  return {
    name: 'onnxruntime',
    openFile: async path => {
      const { engine } = await chooseEngine(wanted)
      const name = basename(path)
      refuseWaiting(path, faulty)
      return create(engine, engine.inPlace ? { path, data: new Map() } : filesOf(path, engine, faulty), name, () => {})
    },
    open: async (graph: Graph, options = {}) => {
      const { engine } = await chooseEngine(wanted)
      requireRoom(engine, graph.name, () => weightBytes(graph))
      const { path: folder, remove } = unfinishedFolder(
        () => mkdtempSync(join(parent, 'silane-')),
        path => rmSync(path, { recursive: true, force: true }),
      )
      try {
        const file = `${graph.name}.onnx`
        const constants = placeConstants(data, engine.inPlace ? linkInto(folder) : existsSync)
        const written = await writeOnnx([{ graph, file }], {
          folder,
          dataFile: `${file}_data`,
          external: true,
          rounding: options.rounding ?? 'none',
          standing: constants.place,
        })
        const files = new Map(constants.files)
        if (written.data) files.set(written.data.file, join(folder, written.data.file))
        const session = await create(engine, { path: join(folder, file), data: files }, graph.name, remove)
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

/** How an allocation that fails is spelled, by a run and by the making of a session. */
const outOfMemory = /bad_alloc|failed to allocate/i

/** Before memory is taken: what a build cannot hold would end in a failed allocation somewhere inside it. */
function requireRoom({ name, capacity }: Engine, graph: string, bytes: () => number): void {
  if (capacity === Number.POSITIVE_INFINITY) return
  const needed = bytes()
  if (needed > capacity) throw errors.E_RUNTIME_SIZE({ graph, engine: name, bytes: needed, capacity })
}

/** A pipe under the name of a file would be waited for, and no signal heard meanwhile. What is not there says so when it is opened. */
function refuseWaiting(path: string, refused: Refused): void {
  if (isWaiting(path)) throw refused({ graph: basename(path), problem: 'it is not a regular file' })
}

const isWaiting = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === false

/** A file and what it names as its data, in its folder. */
function filesOf(path: string, engine: Engine, refused: Refused): ModelFiles {
  const graph = basename(path)
  let summary: ReturnType<typeof readOnnxSummary>
  try {
    summary = readOnnxSummary(path)
  } catch (cause) {
    throw refused({ graph, problem: (cause as Error).message }, { cause })
  }
  requireRoom(engine, graph, () => Math.max(summary.weightBytes, summary.bytes))
  try {
    const folder = realpathSync(dirname(path))
    const data = summary.dataFiles.map((name): [string, string] => {
      const file = realpathSync(join(folder, name))
      if (!file.startsWith(folder + sep)) throw new TypeError(`its data "${name}" stands outside of its folder`)
      if (isWaiting(file)) throw new TypeError(`its data "${name}" is not a regular file`)
      return [name, file]
    })
    return { path, data: new Map(data) }
  } catch (cause) {
    throw refused({ graph, problem: (cause as Error).message }, { cause })
  }
}
