import { expect, it, onTestFinished, vi } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { hub } from './hostile-hub.ts'
import { failure } from './temporary.ts'

// The clock goes on where somebody waits, and nobody does.
vi.mock('node:timers/promises', () => ({ setTimeout: async (wait: number) => void vi.setSystemTime(Date.now() + wait) }))

it('a hub that asks to wait is waited for, which is told, and not for ever', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const counts = await hub((_, response) => response.writeHead(429, { 'Retry-After': '100' }).end(), '10')
  const notes: string[] = []
  const started = Date.now()
  expect(await failure(() => openCheckpoint('org/m', { onNote: note => notes.push(note) }))).toMatch(/^E_HUB_OFFLINE: .*status 429/s)
  expect(counts.asked).toBe(4)
  expect(Date.now() - started).toBeLessThan(310_000)
  expect(notes).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^127\.0\.0\.1:\d+ asks to wait 100 s \(status 429\)$/)))
})
