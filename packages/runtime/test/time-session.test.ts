import { setTimeout } from 'node:timers/promises'
import type { Session } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { timeSession } from '../src/index.ts'

/** A session whose runs take the given times, the last one over and over. */
function sleeper(...milliseconds: number[]): Session & { readonly ran: () => number } {
  let runs = 0
  return {
    run: async () => {
      await setTimeout(milliseconds[Math.min(runs++, milliseconds.length - 1)])
      return {}
    },
    close: async () => {},
    ran: () => runs,
  }
}

describe('timeSession', () => {
  it('leaves the warm-up out', async () => {
    const session = sleeper(200, 200, 1)
    const timing = await timeSession(session, {}, { warmup: 2, runs: 5, minimumMs: 0 })
    expect(session.ran()).toBe(7)
    expect(timing.runs).toBe(5)
    expect(timing.p90).toBeLessThan(150)
  })

  it('goes on for as long as it was told', async () => {
    expect((await timeSession(sleeper(1), {}, { warmup: 0, runs: 1, minimumMs: 60 })).runs).toBeGreaterThan(3)
  })

  it('gives the median and the tenths around it', async () => {
    const { median, p10, p90 } = await timeSession(sleeper(1, 60, 60, 60, 200), {}, { warmup: 0, runs: 5, minimumMs: 0 })
    expect(p10).toBeLessThan(55)
    expect(median).toBeGreaterThanOrEqual(55)
    expect(median).toBeLessThan(p90)
    expect(p90).toBeGreaterThanOrEqual(195)
  })
})
