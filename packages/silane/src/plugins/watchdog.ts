import { Worker } from 'node:worker_threads'

/** What the thread is told. */
export interface WatchdogData {
  /** 0 while a plugin runs, 1 when it is done. */
  readonly done: SharedArrayBuffer
  /** Milliseconds after which the plugin counts as stuck. */
  readonly patience: number
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
    const done = new Int32Array(new SharedArrayBuffer(4))
    const script = import.meta.url.endsWith('.ts') ? './watchdog-thread.ts' : './watchdog-thread.js'
    const worker = new Worker(new URL(script, import.meta.url), {
      workerData: { done: done.buffer, patience: watched.patience, stuck: STUCK } satisfies WatchdogData,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
      // Flags of the command that are meant for its own thread, such as --inspect, would be taken for the thread's too.
      execArgv: [],
    })
    worker.unref()
    Object.defineProperty(globalThis, Symbol.for(STUCK), { configurable: true, value: () => stuck(watched.stuck) })
    return () => {
      Atomics.store(done, 0, 1)
      Atomics.notify(done, 0)
      Reflect.deleteProperty(globalThis, Symbol.for(STUCK))
    }
  },
}
