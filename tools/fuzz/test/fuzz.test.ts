import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bench, filesBelow, openBench, prepareBench } from '../src/bench.ts'
import { caseName, openPlace, parseCase } from '../src/place.ts'
import { report } from '../src/report.ts'
import { runMain } from '../src/run-case.ts'
import { type FuzzOptions, type FuzzResult, runFuzz } from '../src/run-fuzz.ts'
import { TARGETS } from '../src/targets.ts'
import { targets } from './planted.ts'

const extra = { module: fileURLToPath(new URL('./planted.ts', import.meta.url)), targets }
/** On a machine with more to do a process alone takes seconds to start. */
const SLOW = 300_000
const run = (formats: readonly string[], options: Partial<FuzzOptions> = {}): Promise<FuzzResult> =>
  runFuzz({ formats, seed: 7, inputs: 5 * formats.length, jobs: 1, extra, limits: { seconds: 1, bytes: 450e6 }, ...options })
const found = ({ faults }: FuzzResult) => faults.map(({ fault, case: name }) => [fault, name])

describe('planted faults', { timeout: SLOW }, () => {
  it('are told from what is refused, and every case beside them is run', async () => {
    const result = await run(['fine', 'uncoded', 'silane', 'late', 'leaves', 'drops', 'pollutes'])
    expect(found(result)).toEqual([
      ['uncoded', 'uncoded:7.2'],
      ['silane', 'silane:7.2'],
      ['late rejection', 'late:7.2'],
      ['partial output', 'leaves:7.2'],
      ['partial output', 'drops:7.2'],
      ['pollution', 'pollutes:7.2'],
    ])
    expect(result.formats.get('fine')).toMatchObject({ inputs: 5, ok: 4, faults: 0, coded: new Map([['E_UNSUPPORTED', 1]]) })
    expect(result.formats.get('late')).toMatchObject({ inputs: 5, ok: 4, faults: 1 })
    expect(result.unconfirmed).toEqual([])
    expect(report(result)).toContain('uncoded  uncoded:7.2')
  })

  it('that are busy or wait for ever are stopped and named, with the place where they were', async () => {
    const result = await run(['busy', 'waits'])
    expect(found(result)).toEqual([
      ['hang', 'busy:7.2'],
      ['hang', 'waits:7.2'],
    ])
    expect(result.faults[0]?.frames[0]).toContain('planted.ts')
    for (const format of ['busy', 'waits']) expect(result.formats.get(format)).toMatchObject({ inputs: 5, ok: 4 })
  })

  it('that take memory are stopped before they have much more than the limit, and a process that dies is no end', async () => {
    const result = await run(['grows', 'spikes', 'dies'], { limits: { seconds: 5, bytes: 450e6 } })
    expect(found(result)).toEqual([
      ['memory', 'grows:7.2'],
      ['memory', 'spikes:7.2'],
      ['died', 'dies:7.2'],
    ])
    for (const format of ['grows', 'spikes', 'dies']) expect(result.formats.get(format)).toMatchObject({ inputs: 5, ok: 4 })
  })

  it('come back as the cases that they were', async () => {
    expect(found(await run(['uncoded'], { first: 2, inputs: 1 }))).toEqual([['uncoded', 'uncoded:7.2']])
    expect(found(await run(['uncoded'], { first: 3, inputs: 1 }))).toEqual([])
  })
})

it('ends when its time is over', { timeout: SLOW }, async () => {
  const { seconds, inputs } = await run(['fine'], { inputs: undefined, seconds: 8 })
  expect(seconds).toBeGreaterThanOrEqual(8)
  expect(inputs).toBeGreaterThanOrEqual(5)
})

describe('cases of every format', { timeout: SLOW }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'silane-fuzz-test-'))
  let bench: Bench
  beforeAll(async () => {
    await prepareBench(folder, async args => (await runMain(args)).exitCode)
    bench = openBench(folder)
  }, SLOW)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const contents = async (format: string, seed: number, index: number): Promise<string> => {
    const place = openPlace(bench, join(folder, 'cases'), { format, seed, index })
    try {
      const made = await TARGETS[format]!.make(place)
      made.done?.()
      const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')
      // What links, pipes and devices hold is not the case's.
      const files = filesBelow(place.input).map(file => `${file} ${format === 'links' ? '' : digest(join(place.input, file))}`)
      const args = 'args' in made.run ? made.run.args.join(' ') : 'call'
      return [made.what, args.replaceAll(join(place.input, '..'), ''), ...files].join('\n')
    } finally {
      place.remove()
    }
  }

  it.each(Object.keys(TARGETS))('%s: the same seed and number give the same input, others another', async format => {
    const seen = new Set<string>()
    for (let index = 0; index < 12; index++) {
      const first = await contents(format, 3, index)
      expect(await contents(format, 3, index)).toBe(first)
      seen.add(first)
    }
    expect(seen.size).toBeGreaterThan(8)
  })
})

it('cases have names', () => {
  expect(parseCase(caseName('config', 3, 17))).toEqual({ format: 'config', seed: 3, index: 17 })
  for (const name of ['config', 'config:3', 'config:3.x', ':1.2']) expect(parseCase(name)).toBeUndefined()
})
