import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareBench } from './bench.ts'
import { type FaultKind, framesOf, type Verdict } from './judge.ts'
import { caseName } from './place.ts'
import { runMain } from './run-case.ts'
import { TARGETS, type Target } from './targets.ts'
import { LIMITS, type Limits, startWorker, type Worker } from './worker.ts'

export interface FuzzOptions {
  readonly formats: readonly string[]
  readonly seed: number
  /** The number of the first case of each format. */
  readonly first?: number | undefined
  /** Stop after so many inputs, or so many seconds, whichever is said. */
  readonly inputs?: number | undefined
  readonly seconds?: number | undefined
  readonly jobs: number
  readonly limits?: Limits | undefined
  /** Where everything is made; default: the system's folder for temporary files. */
  readonly work?: string | undefined
  /** A module with more targets, and these. */
  readonly extra?: { readonly module: string; readonly targets: Readonly<Record<string, Target>> } | undefined
  readonly onFault?: ((found: FoundFault) => void) | undefined
  readonly onProgress?: ((inputs: number, seconds: number) => void) | undefined
}

/** A fault, and the first case that showed it. */
export interface FoundFault {
  readonly fault: FaultKind
  readonly case: string
  readonly what: string
  /** What was changed, and what was run. */
  readonly input: string
  readonly frames: readonly string[]
  count: number
}

export interface FormatTotals {
  inputs: number
  ok: number
  readonly coded: Map<string, number>
  faults: number
  slowest: { ms: number; case: string }
}

export interface FuzzResult {
  readonly formats: ReadonlyMap<string, FormatTotals>
  readonly faults: readonly FoundFault[]
  /** Cases that were lost and came back when they were run alone: the processes around them were at their limits. */
  readonly unconfirmed: readonly string[]
  readonly inputs: number
  readonly seconds: number
}

/** A process is left to the next one after so many cases, or when it has so much in memory: what cases leave behind adds up. */
const MOST_CASES = 3000
const MOST_RESIDENT = 600e6

/** Runs cases of the formats in turn, a batch of each. Which cases those are the seed decides; how many, the time or the number. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { formats, seed, jobs, limits = LIMITS, extra } = options
  const targets = { ...TARGETS, ...extra?.targets }
  const work = mkdtempSync(join(options.work ?? tmpdir(), 'silane-fuzz-'))
  const bench = join(work, 'bench')
  const totals = new Map(
    formats.map(format => [
      format,
      { inputs: 0, ok: 0, coded: new Map<string, number>(), faults: 0, slowest: { ms: 0, case: '' } } as FormatTotals,
    ]),
  )
  const faults = new Map<string, FoundFault>()
  const unconfirmed: string[] = []
  try {
    for (const name of ['fixtures', 'pictures']) mkdirSync(join(bench, name), { recursive: true })
    if (formats.some(format => Object.hasOwn(TARGETS, format)))
      await prepareBench(bench, async args => {
        const { exitCode, stderr } = await runMain(args)
        if (exitCode !== 0) throw new Error(stderr)
        return exitCode
      })
    const started = performance.now()
    const elapsed = () => (performance.now() - started) / 1000
    const next = new Map(formats.map(format => [format, options.first ?? 0]))
    let turn = 0
    let given = 0
    /** The next batch, unless enough were given out. */
    const take = (): { readonly format: string; readonly indexes: number[] } | undefined => {
      if (options.seconds !== undefined && elapsed() >= options.seconds) return undefined
      const format = formats[turn++ % formats.length] as string
      const left = (options.inputs ?? Number.POSITIVE_INFINITY) - given
      const count = Math.min(left, (targets[format] as Target).batch)
      if (count <= 0) return undefined
      const from = next.get(format) ?? 0
      next.set(format, from + count)
      given += count
      return { format, indexes: Array.from({ length: count }, (_, i) => from + i) }
    }
    let workers = 0
    const start = (): Promise<Worker> => startWorker({ bench, folder: join(work, `child-${workers++}`), limits, extra: extra?.module })

    const count = (format: string, index: number, verdict: Verdict, input: string, ms = 0): void => {
      const total = totals.get(format) as FormatTotals
      const name = caseName(format, seed, index)
      total.inputs++
      if (ms > total.slowest.ms) total.slowest = { ms, case: name }
      if (verdict.kind === 'ok') total.ok++
      else if (verdict.kind === 'coded') total.coded.set(verdict.code, (total.coded.get(verdict.code) ?? 0) + 1)
      else {
        total.faults++
        const key = signature(verdict)
        const known = faults.get(key)
        if (known) known.count++
        else {
          const { fault, what, frames } = verdict
          const found = { fault, case: name, what, input, frames, count: 1 }
          faults.set(key, found)
          options.onFault?.(found)
        }
      }
    }

    const job = async (): Promise<void> => {
      let worker: Worker | undefined
      for (let batch = take(); batch; batch = take()) {
        let rest: readonly number[] = batch.indexes
        const { format } = batch
        while (rest.length > 0) {
          if (worker && (!worker.alive || worker.cases > MOST_CASES || worker.resident > MOST_RESIDENT)) {
            await worker.end()
            worker = undefined
          }
          worker ??= await start()
          const lost = await worker.run({ format, seed, indexes: rest }, ({ done, verdict, what, args, ms }) =>
            count(format, done, verdict, told(what, args), ms),
          )
          if (!lost) break
          rest = rest.slice(rest.indexOf(lost.lost) + 1)
          // Alone, in a process of its own: what other cases left in memory is not its fault.
          const alone = await start()
          const again = await alone.run({ format, seed, indexes: [lost.lost] }, ({ done, verdict, what, args, ms }) => {
            unconfirmed.push(`${caseName(format, seed, done)} (${lost.fault}, ${lost.what})`)
            count(format, done, verdict, told(what, args), ms)
          })
          await alone.end()
          if (again) {
            const frames = framesOf(again.stack ?? lost.stack, 6)
            const input = again.made ? told(again.made.made, again.made.args) : ''
            count(format, again.lost, { kind: 'fault', fault: again.fault, what: again.what, frames }, input)
          }
        }
        options.onProgress?.(
          [...totals.values()].reduce((sum, { inputs }) => sum + inputs, 0),
          elapsed(),
        )
      }
      await worker?.end()
    }
    await Promise.all(Array.from({ length: jobs }, job))
    const inputs = [...totals.values()].reduce((sum, total) => sum + total.inputs, 0)
    return { formats: totals, faults: [...faults.values()], unconfirmed, inputs, seconds: elapsed() }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const told = (what: string, args: readonly string[] | undefined): string =>
  args
    ? `${what}: ${args
        .map(arg => arg.replace(/^.*\/(?:input|output|bench|plugins)(?=\/|$)/, '…'))
        .join(' ')
        .slice(0, 200)}`
    : what

/** Faults of one cause look alike: the same kind in the same places; or, where no place is known, the same words but for names and numbers. */
function signature({ fault, what, frames }: Extract<Verdict, { kind: 'fault' }>): string {
  const places = frames.map(frame => frame.replace(/:\d+\)?$/, '')).slice(0, 2)
  if (places.length > 0) return JSON.stringify([fault, places])
  if (fault === 'control characters') return JSON.stringify([fault, /E_[A-Z_]+/.exec(what)?.[0]])
  return JSON.stringify([fault, what.replace(/\S*[/"'\d]\S*/g, '…').slice(0, 20)])
}
