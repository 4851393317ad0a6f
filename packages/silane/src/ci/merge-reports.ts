import { mkdirSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { jsonText } from '../convert/write-files.ts'
import { errors } from '../errors.ts'
import { ownFolder } from '../own-folder.ts'
import { type CiReport, exitOf, readCiReport } from './ci-report.ts'

export interface MergeOptions {
  /** The folder that the reports of all machines are in, or in its folders, as artifacts are downloaded. */
  readonly folder: string
  readonly cwd?: string | undefined
}

export interface MergedReports {
  readonly exit: 0 | 2 | 3
  readonly report: CiReport
  /** The shards, or else the entries, that no report is there of. Then `ci-report.json` is not written. */
  readonly missing: readonly string[]
}

/** `ci-report.2-of-8.json`, `ci-report.only.NAME.json`. */
const PART = /^ci-report\.(?:\d+-of-\d+|only\..+)\.json$/

/** What is left by a run goes no deeper: `ARTIFACT/ci-report.….json`. */
const MAX_DEPTH = 3

/**
 * Joins the reports of all shards into `ci-report.json` in the folder. Throws E_CI_REPORT where there is none, where they are of different
 * plans or versions, or where two have the same entry; what is missing is a result, so that the rest can be shown.
 */
export async function mergeReports({ folder, cwd = '.' }: MergeOptions): Promise<MergedReports> {
  const where = resolve(cwd, folder)
  const parts = reportsWithin(where).map(path => {
    const file = relative(where, path).replaceAll('\\', '/')
    return { file, report: readCiReport(path, { file, where }) }
  })
  const [any] = parts
  if (!any) throw errors.E_CI_REPORT({ problem: 'there is no ci-report.i-of-n.json', where })
  const { matrix, silane } = any.report
  const owner = new Map<string, string>()
  const place = new Map(matrix.names.map((name, i) => [name, i]))
  for (const { file, report } of parts) {
    const other = (what: string) => errors.E_CI_REPORT({ problem: `${any.file} and ${file} are of different ${what}`, where })
    if (report.matrix.sha256 !== matrix.sha256) throw other('matrices: silane.ci.json was not the same')
    if (report.silane.version !== silane.version || report.silane.core !== silane.core) throw other('versions of silane')
    if (report.shard && any.report.shard && report.shard.count !== any.report.shard.count) throw other('numbers of shards')
    for (const { name } of report.results) {
      const before = owner.get(name)
      if (before !== undefined) throw errors.E_CI_REPORT({ problem: `${before} and ${file} both have ${name}`, where })
      if (!place.has(name)) throw errors.E_CI_REPORT({ problem: `${file} has ${name}, which its matrix lacks`, where })
      owner.set(name, file)
    }
  }
  const results = parts.flatMap(({ report }) => report.results)
  const report: CiReport = {
    schema: 1,
    silane,
    matrix,
    shard: null,
    results: results.sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0)),
  }
  const missing = missingOf(
    parts.map(part => part.report),
    matrix.names.filter(name => !owner.has(name)),
  )
  if (missing.length === 0) writeWhole(where, jsonText(report))
  return { exit: exitOf(report), report, missing }
}

/** By shards where the reports are of shards: also an empty one says that its machine has run. */
function missingOf(reports: readonly CiReport[], names: readonly string[]): readonly string[] {
  const [count] = reports.flatMap(({ shard }) => shard?.count ?? [])
  if (count === undefined || reports.some(({ shard }) => shard === null)) return names
  const there = new Set(reports.map(({ shard }) => shard?.index))
  const shards = Array.from({ length: count }, (_, i) => i + 1).filter(index => !there.has(index))
  return shards.length > 0 ? shards.map(index => `shard ${index} of ${count}`) : names
}

function writeWhole(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  const work = ownFolder(() => mkdtempSync(join(folder, '.silane-ci-')))
  try {
    const beside = join(work.path, 'report')
    writeFileSync(beside, text)
    renameSync(beside, join(folder, 'ci-report.json'))
  } finally {
    work.remove()
  }
}

function reportsWithin(folder: string, depth = 0): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return PART.test(entry.name) ? [path] : []
    return entry.isDirectory() && depth < MAX_DEPTH && !entry.name.startsWith('.') ? reportsWithin(path, depth + 1) : []
  })
}
