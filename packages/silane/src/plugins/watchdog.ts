import { Worker } from 'node:worker_threads'
import type { Piece } from '../streams.ts'

/** What the thread is given: the state that it watches. */
export interface WatchdogData {
  /**
   * Milliseconds after which the plugin that runs counts as stuck, 0 while none does; and 1 as soon as the main thread ends the process
   * itself.
   */
  readonly state: SharedArrayBuffer
  /** The key of the symbol under which the global scope of the main thread has what ends the process. */
  readonly stuck: string
}

/** What the thread is told of a plugin ahead, for one that nothing can stop: then it has the last word. */
export interface LastWord {
  readonly pieces: readonly Piece[]
  /** What is left to be removed. */
  readonly folders: readonly string[]
}

const STUCK = 'silane.stuck'

/** What is told of a plugin that does not come back. */
export interface Watched {
  /** When its time is over, in milliseconds, the process ends with this error. */
  readonly patience: number
  readonly stuck: Error
  /** When the process ends by its doing. */
  readonly ended: Error
  /** The folders that go with the process, for when nothing but the thread can remove them. */
  readonly folders: () => readonly string[]
}

/** How the command line ends. */
interface Ending {
  /** Ends the process at once. */
  readonly end: (error: Error) => void
  /** What it would print. */
  readonly pieces: (error: Error) => readonly Piece[]
}

let ending: Ending | undefined

/** Made for the first plugin. */
let thread: { readonly worker: Worker; readonly state: Int32Array } | undefined

function startThread() {
  const state = new SharedArrayBuffer(8)
  const script = import.meta.url.endsWith('.ts') ? './watchdog-thread.ts' : './watchdog-thread.js'
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData: { state, stuck: STUCK } satisfies WatchdogData,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    // Flags of the command that are meant for its own thread, such as --inspect, would be taken for the thread's too.
    execArgv: [],
  })
  // Too many open files, say, which is no fault of the plugin; it can do without being watched.
  worker.on('error', error => {
    if (!('code' in error) || error.code !== 'ERR_WORKER_INIT_FAILED') throw error
  })
  worker.unref()
  return { worker, state: new Int32Array(state) }
}

let last: Watched | undefined

let isWatching = false

/**
 * Code that never returns cannot be interrupted from its own thread, so another one waits and ends it. Only the command line arms
 * this: a program that uses silane as a library has its own say about its process.
 */
export const watchdog = {
  /** From now on a plugin that is stuck is ended. */
  arm(by: Ending): void {
    ending = by
  },

  get armed(): boolean {
    return ending !== undefined
  },

  /** The error of a process that ends before its command is done: no code of silane ends it, so a plugin did. */
  endedEarly: (): Error | undefined => last?.ended,

  /** Watches until the function that it gives is called. One object for many calls costs little. A call within another is part of it. */
  watch(watched: Watched): () => void {
    if (isWatching) return () => {}
    const isNew = watched !== last
    last = watched
    if (ending === undefined) return () => {}
    const { end, pieces } = ending
    thread ??= startThread()
    const { worker, state } = thread
    if (isNew) worker.postMessage({ pieces: pieces(watched.stuck), folders: watched.folders() } satisfies LastWord)
    const stuck = () => {
      Atomics.store(state, 1, 1)
      end(watched.stuck)
    }
    Object.defineProperty(globalThis, Symbol.for(STUCK), { configurable: true, value: stuck })
    isWatching = true
    say(state, watched.patience)
    return () => {
      isWatching = false
      say(state, 0)
      Reflect.deleteProperty(globalThis, Symbol.for(STUCK))
    }
  },
}

/** Tells the thread that a plugin runs, or that none does. */
function say(state: Int32Array, milliseconds: number): void {
  Atomics.store(state, 0, milliseconds)
  Atomics.notify(state, 0)
}
