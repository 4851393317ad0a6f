import { Worker } from 'node:worker_threads'

/** What the thread is told. */
export interface WatchdogData {
  /** Milliseconds after which the plugin that runs counts as stuck; 0 while none does. */
  readonly patience: SharedArrayBuffer
  /** The key of the symbol under which the global scope of the main thread has what ends the process. */
  readonly stuck: string
}

const STUCK = 'silane.stuck'

/** What is told of a plugin that does not come back. */
interface Watched {
  /** When its time is over, in milliseconds, the process ends with this error. */
  readonly patience: number
  readonly stuck: Error
  /** When the process ends by its doing. */
  readonly ended: Error
  /** Run ahead of any end. */
  readonly before: () => void
}

let end: ((error: Error) => void) | undefined

/** What the thread looks at; made with it, for the first plugin. */
let patience: Int32Array | undefined

/** Tells the thread that a plugin runs, or that none does. */
function say(milliseconds: number): void {
  patience ??= startThread()
  Atomics.store(patience, 0, milliseconds)
  Atomics.notify(patience, 0)
}

function startThread(): Int32Array {
  const shared = new SharedArrayBuffer(4)
  const script = import.meta.url.endsWith('.ts') ? './watchdog-thread.ts' : './watchdog-thread.js'
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData: { patience: shared, stuck: STUCK } satisfies WatchdogData,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    // Flags of the command that are meant for its own thread, such as --inspect, would be taken for the thread's too.
    execArgv: [],
  })
  worker.unref()
  return new Int32Array(shared)
}

let last: Watched | undefined

/**
 * Code that never returns cannot be interrupted from its own thread, so another one waits and ends it. Only the command line arms
 * this: a program that uses silane as a library has its own say about its process.
 */
export const watchdog = {
  /** From now on a plugin that is stuck is ended: `stuck` gets the error, and must end the process at once. */
  arm(stuck: (error: Error) => void): void {
    end = stuck
  },

  /** The error of a process that ends before its command is done: no code of silane ends it, so a plugin did. */
  endedEarly: (): Error | undefined => last?.ended,

  /** To be called before the process is ended: what a plugin was kept from while it ran (writing to stdout) is the process's again. */
  release(): void {
    last?.before()
  },

  /** Watches until the function that it gives is called. */
  watch(watched: Watched): () => void {
    last = watched
    if (end === undefined) return () => {}
    const stuck = end
    Object.defineProperty(globalThis, Symbol.for(STUCK), { configurable: true, value: () => stuck(watched.stuck) })
    say(watched.patience)
    return () => {
      say(0)
      Reflect.deleteProperty(globalThis, Symbol.for(STUCK))
    }
  },
}
