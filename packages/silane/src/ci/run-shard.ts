import { lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder } from '@silane/checkpoint'
import { isSilaneError, type Line } from '@silane/core'
import { type ConvertResult, convert } from '../convert/convert.ts'
import type { ConvertOptions, Progress } from '../convert/convert-options.ts'
import { onnxDataFiles } from '../convert/onnx-data-files.ts'
import { jsonText } from '../convert/write-files.ts'
import { errors } from '../errors.ts'
import { type Manifest, packageOf } from '../manifest.ts'
import { ownFolder } from '../own-folder.ts'
import { REPORT_FILE, type StoredComparison } from '../report/report.ts'
import { systemError } from '../system-error.ts'
import { versions } from '../versions.ts'
import { readCiFile } from './ci-file.ts'
import { type CiGate, type CiReport, type CiResult, exitOf, withoutFolder } from './ci-report.ts'
import { type CiOptions, configPath } from './matrix.ts'
import { digestOf, entryOptions, type PlannedEntry, planMatrix } from './plan-matrix.ts'
import { entriesOfShard, type Shard } from './shard.ts'

export interface RunShardOptions extends CiOptions {
  /** Default: 1/1. */
  readonly shard?: Shard | undefined
  /** Entries by name, in place of a shard. */
  readonly only?: readonly string[] | undefined
  /** Folder for the reports; it is made where there is none. */
  readonly out: string
  /** Keep what was converted, in `packages/NAME`. */
  readonly keep?: boolean | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Called before and after each entry. */
  readonly onEntry?: ((entry: PlannedEntry, result?: CiResult) => void) | undefined
}

export interface ShardResult {
  readonly exit: 0 | 2 | 3
  readonly report: CiReport
  /** The file that holds it. */
  readonly path: string
}

/** Beside the reports while they come: removed at the end. */
const WORK = '.silane-ci-'

/**
 * Converts and validates the entries of one shard, one after the other, and writes `ci-report.i-of-n.json`, with the report of each
 * conversion in `reports/NAME`. A failure is a result, and the next entry follows. The report is there from the start and grows: what a run
 * that was stopped or killed has not come to is missing in it. Throws where the file cannot be used, an entry is not there, or the run is
 * stopped.
 */
export async function runShard(options: RunShardOptions): Promise<ShardResult> {
  const { cwd = '.', keep = false, signal, onEntry } = options
  const file = readCiFile(configPath(options))
  const all = planMatrix(file)
  const shard = options.only ? null : (options.shard ?? { index: 1, count: 1 })
  const entries = shard ? entriesOfShard(all, shard) : named(all, options.only ?? [])
  const out = resolve(cwd, options.out)
  makeFolder(out)
  const made = ownFolder(() => mkdtempSync(join(out, WORK)))
  const work = made.path
  const path = join(out, `ci-report.${shard ? `${shard.index}-of-${shard.count}` : `only.${entries[0]?.name ?? 'none'}`}.json`)
  const results: CiResult[] = []
  const reportOf = (): CiReport => ({
    schema: 1,
    silane: { version: versions.silane, core: versions.core },
    matrix: { sha256: digestOf(all), names: all.map(({ name }) => name) },
    shard,
    results,
  })
  try {
    // From the start on, so that a machine that ends in the middle leaves what it has, and nothing of an earlier run.
    writeWhole(path, jsonText(reportOf()), work)
    for (const entry of entries) {
      onEntry?.(entry)
      const result = await runEntry(entry, { ...options, folder: file.folder, out, keep, work })
      signal?.throwIfAborted()
      results.push(result)
      writeWhole(path, jsonText(reportOf()), work)
      onEntry?.(entry, result)
    }
    const report = reportOf()
    return { exit: exitOf(report), report, path }
  } finally {
    made.remove()
  }
}

/** The file appears with all of it or not at all. */
function writeWhole(path: string, text: string | Uint8Array, work: string): void {
  const beside = join(work, 'report')
  writeFileSync(beside, text)
  renameSync(beside, path)
}

function named(all: readonly PlannedEntry[], names: readonly string[]): readonly PlannedEntry[] {
  const known = new Map(all.map(entry => [entry.name, entry]))
  for (const name of names) if (!known.has(name)) throw errors.E_CI_ENTRY({ name, names: [...known.keys()] })
  return all.filter(({ name }) => names.includes(name))
}

interface Places extends Omit<RunShardOptions, 'keep'> {
  readonly folder: string
  readonly keep: boolean
  readonly work: string
}

async function runEntry(entry: PlannedEntry, places: Places): Promise<CiResult> {
  const { folder, out, keep, work, plugins, offline, token, cacheDir, cwd, signal, onProgress } = places
  const reports = join(out, 'reports', entry.name)
  // What an earlier run left is not this one's. A link in its place leads to what is somebody's.
  if (lstatSync(reports, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(reports)
  for (const name of REPORTS) rmSync(join(reports, name), { force: true })
  const started = performance.now()
  const common = { name: entry.name, model: entry.model, target: entry.target, options: entry.options }
  const seconds = () => Math.round((performance.now() - started) / 100) / 10
  const place = keep ? join(out, 'packages', entry.name) : join(work, 'packages', entry.name)
  try {
    const hub = { offline, token, cacheDir }
    const asked: ConvertOptions = { ...entryOptions(entry, folder), plugins, ...hub, cwd, signal, onProgress, out: place, force: true }
    if (keep) mkdirSync(join(out, 'packages'), { recursive: true })
    const converted = await convert(asked)
    mkdirSync(reports, { recursive: true })
    for (const name of REPORTS) writeWhole(join(reports, name), readFileSync(join(place, name)), work)
    const { manifest, report, ok } = converted
    return {
      ...common,
      task: manifest.model.task,
      exit: ok ? 0 : 3,
      plugin: { package: manifest.plugin.package, version: manifest.plugin.version, id: manifest.plugin.id },
      gates: lowestOf(report.comparisons),
      misses: report.misses,
      warnings: report.warnings,
      bytes: bytesOf(converted),
      seconds: seconds(),
    }
  } catch (thrown) {
    if (signal?.aborted) throw signal.reason
    return {
      ...common,
      task: entry.task ?? null,
      ...failure(thrown, folder),
      gates: [],
      misses: [],
      warnings: [],
      bytes: 0,
      seconds: seconds(),
    }
  } finally {
    if (!keep) rmSync(place, { recursive: true, force: true })
  }
}

const REPORTS = [REPORT_FILE, 'report.html'] as const

function failure(thrown: unknown, folder: string): Pick<CiResult, 'exit' | 'error'> {
  const told = systemError(thrown)
  if (!isSilaneError(told)) {
    const what = told instanceof Error ? told.message || told.name : String(told)
    return { exit: 1, error: { code: 'E_UNEXPECTED', what: withoutFolder(what, folder) } }
  }
  const { code, what, where, next, exitCode } = told
  return {
    exit: exitCode,
    error: {
      code,
      what: withoutFolder(what, folder),
      ...(where === undefined ? {} : { where: withoutFolder(where, folder) }),
      ...(next === undefined ? {} : { next: withoutFolder(next, folder) }),
    },
  }
}

const rank = ({ ok, psnr }: StoredComparison): number =>
  psnr === 'none' ? Number.NEGATIVE_INFINITY : (psnr === 'equal' ? Number.MAX_VALUE : psnr) - (ok ? 0 : Number.MAX_SAFE_INTEGER)

/** Of each line the figure that tells most: one that misses its gate, else the lowest. */
function lowestOf(comparisons: readonly StoredComparison[]): readonly CiGate[] {
  const lowest = new Map<Line, StoredComparison>()
  for (const each of comparisons) {
    const known = lowest.get(each.line)
    if (!known || rank(each) < rank(known)) lowest.set(each.line, each)
  }
  return [...lowest.values()].map(({ line, psnr, gate, ok, program, function: fn, output, actual, expected }) => ({
    line,
    psnr,
    ...(gate === undefined ? {} : { gate }),
    ok,
    where: `${program}/${fn} ${output}: ${actual} vs ${expected}`,
  }))
}

function bytesOf({ manifest, out }: { readonly manifest: Manifest; readonly out: ConvertResult['out'] }): number {
  const files = new Map<string, number>()
  for (const program of manifest.programs)
    for (const fn of program.functions) for (const file of [packageOf(program, fn), fn.onnx]) if (file) files.set(file.path, file.bytes)
  for (const { path, bytes } of onnxDataFiles(out)) files.set(path, bytes)
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0)
}
