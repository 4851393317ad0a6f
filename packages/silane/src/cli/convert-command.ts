import { join, relative } from 'node:path'
import { type ConvertResult, convert } from '../convert/convert.ts'
import { onnxDataFiles } from '../convert/onnx-data-files.ts'
import { formatBytes } from '../format-bytes.ts'
import { type Manifest, packageOf } from '../manifest.ts'
import { verdict } from '../report/verdict.ts'
import { comparisonTable } from './comparison-table.ts'
import { formatSeconds } from './format.ts'
import { type ModelFlags, modelOptions } from './model-flags.ts'
import { nextSteps } from './next-steps.ts'
import { printVerdict } from './print-verdict.ts'
import { progressLine } from './progress-line.ts'
import { terminal } from './terminal.ts'

interface ConvertFlags extends ModelFlags {
  readonly out?: string
  readonly name?: string
  readonly force?: boolean
  readonly validate: boolean
  readonly golden?: string
  readonly trace?: boolean
  readonly table?: boolean
  readonly json?: boolean
}

/** `silane convert`. Throws E_GATE, whose exit code is 3, after everything has been printed. */
export async function convertCommand(model: string, flags: ConvertFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  try {
    const { out, name, force, validate, golden, trace } = flags
    const result = await convert({
      ...modelOptions(model, flags),
      out,
      name,
      force,
      validate,
      golden,
      trace,
      signal,
      onProgress: line.show,
      onNote: line.note,
    })
    line.clear()
    if (flags.json) terminal.document(document(result))
    tell(result, flags)
    return result.ok ? 0 : 3
  } finally {
    line.clear()
  }
}

const document = ({ ok, out, manifest, report, seconds, peakBytes }: ConvertResult) => ({ ok, out, manifest, report, seconds, peakBytes })

/** The verdict, what was written, and what to do with it: the result, on stdout unless a document stands there. */
function tell({ out, manifest, report, comparisons, seconds, peakBytes, traced }: ConvertResult, { json, table }: ConvertFlags): void {
  const stream = json ? process.stderr : process.stdout
  const say = json ? terminal.note : terminal.result
  const place = shortest(out)
  say(printVerdict(verdict(report), stream))
  for (const miss of report.misses) say(`missed: ${miss}`)
  for (const found of traced?.located ?? []) say(`traced: ${found}`)
  if (table && comparisons.length > 0) say(`\n${comparisonTable(comparisons, stream)}\n`)
  for (const warning of report.warnings) say(`warning: ${warning}`)
  if (terminal.quiet) return
  for (const note of report.notes) say(`note: ${note}`)
  const sizes = [...writtenFiles(manifest), ...onnxDataFiles(out).map(({ path, bytes }) => [path, bytes] as const)]
  say('')
  const width = sizes.reduce((most, [path]) => Math.max(most, path.length), 0)
  for (const [path, bytes] of sizes) say(`  ${path.padEnd(width)}  ${formatBytes(bytes).padStart(8)}`)
  const total = Object.values(seconds).reduce((sum, part) => sum + part, 0)
  const ran = report.runtime ? ` in ${report.runtime.name} ${report.runtime.version}` : ''
  const validated = seconds.validate === undefined ? '' : `, of which validation ${formatSeconds(seconds.validate)}${ran}`
  say(`\n${place}: ${formatSeconds(total)}${validated}; peak memory ${formatBytes(peakBytes)}`)
  if (traced) say(`trace: ${shortest(traced.folder)}`)
  say(`look:  ${join(place, 'report.html')}; how to call it: ${join(place, 'README.md')}`)
  for (const command of nextSteps(manifest, place)) say(`next:  ${command}`)
}

/** A path as a person would say it from here. */
const shortest = (path: string): string => {
  const from = relative('.', path) || '.'
  return from.startsWith('..') ? path : from
}

/** Every file once: functions may share a package. */
const writtenFiles = ({ programs }: Manifest): ReadonlyMap<string, number> =>
  new Map(
    programs.flatMap(program =>
      program.functions.flatMap(fn => [packageOf(program, fn), fn.onnx].flatMap(file => (file ? [[file.path, file.bytes] as const] : []))),
    ),
  )
