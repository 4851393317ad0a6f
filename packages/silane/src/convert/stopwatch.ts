import type { ModelOptions } from './convert-options.ts'

/** Runs the parts of a job one after the other: says which it is at, stops between them when asked to, and keeps their times. */
export interface Stopwatch {
  readonly seconds: Readonly<Record<string, number>>
  <T>(step: string, work: () => T | Promise<T>): Promise<T>
}

export function stopwatch({ signal, onProgress }: Pick<ModelOptions, 'signal' | 'onProgress'>): Stopwatch {
  const seconds: Record<string, number> = {}
  const run = async <T>(step: string, work: () => T | Promise<T>): Promise<T> => {
    // A signal is delivered by the event loop, which the synchronous parts keep waiting.
    await new Promise(setImmediate)
    signal?.throwIfAborted()
    onProgress?.({ step })
    const start = performance.now()
    const elapsed = () => (performance.now() - start) / 1000
    try {
      const result = await work()
      onProgress?.({ step, seconds: elapsed() })
      return result
    } finally {
      seconds[step] = (seconds[step] ?? 0) + elapsed()
    }
  }
  return Object.assign(run, { seconds })
}
