import type { Session, Tensors } from '@silane/core'

export interface Timing {
  /** Milliseconds. */
  readonly median: number
  readonly p10: number
  readonly p90: number
  readonly runs: number
}

export interface TimingOptions {
  readonly warmup?: number
  readonly runs?: number
  /** Goes on until this much time has passed, however many runs that takes. */
  readonly minimumMs?: number
}

/** Wall-clock time of single runs, one after the other. */
export async function timeSession(session: Session, inputs: Tensors, options: TimingOptions = {}): Promise<Timing> {
  const { warmup = 2, runs = 10, minimumMs = 200 } = options
  for (let i = 0; i < warmup; i++) await session.run(inputs)
  const times: number[] = []
  const started = performance.now()
  while (times.length < runs || performance.now() - started < minimumMs) {
    const before = performance.now()
    await session.run(inputs)
    times.push(performance.now() - before)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as number
  return { median: at(0.5), p10: at(0.1), p90: at(0.9), runs: times.length }
}
