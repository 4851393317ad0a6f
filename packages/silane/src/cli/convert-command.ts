import { relative } from 'node:path'
import { type ConvertResult, convert } from '../convert/convert.ts'
import { onnxDataFiles } from '../convert/onnx-data-files.ts'
import { formatBytes } from '../format-bytes.ts'
import { packageOf } from '../manifest.ts'
import { describeCoverage } from '../report/describe-coverage.ts'
import { comparisonTable } from './comparison-table.ts'
import { formatSeconds } from './format.ts'
import { type ModelFlags, modelOptions } from './model-flags.ts'
import { progressLine } from './progress-line.ts'
import { terminal } from './terminal.ts'

interface ConvertFlags extends ModelFlags {
  readonly out?: string
  readonly force?: boolean
  readonly validate: boolean
  readonly golden?: string
  readonly trace?: boolean
  readonly json?: boolean
}

/** `silane convert`. Throws E_GATE, whose exit code is 3, after everything has been printed. */
export async function convertCommand(model: string, flags: ConvertFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  try {
    const { out, force, validate, golden, trace } = flags
    const result = await convert({
      ...modelOptions(model, flags),
      out,
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
    tell(result)
    return result.ok ? 0 : 3
  } finally {
    line.clear()
  }
}

const document = ({ ok, out, manifest, report, seconds, peakBytes }: ConvertResult) => ({ ok, out, manifest, report, seconds, peakBytes })

function tell({ out, manifest, report, comparisons, seconds, peakBytes, traced }: ConvertResult): void {
  if (comparisons.length > 0) terminal.note(`${comparisonTable(comparisons, process.stderr)}\n`)
  for (const sentence of describeCoverage(report.coverage)) terminal.note(sentence)
  for (const program of manifest.programs) {
    for (const fn of program.functions) {
      const files = [packageOf(program, fn), fn.onnx].filter(file => file !== undefined)
      terminal.note(`${program.name}/${fn.name}: ${files.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`).join(', ')}`)
    }
  }
  // The weights of a program's functions, which their own files lack.
  for (const { path, bytes } of onnxDataFiles(out)) terminal.note(`weights: ${path} (${formatBytes(bytes)})`)
  for (const note of report.notes) terminal.note(`note: ${note}`)
  for (const warning of report.warnings) terminal.note(`warning: ${warning}`)
  const total = Object.values(seconds).reduce((sum, part) => sum + part, 0)
  const ran = report.runtime ? ` in ${report.runtime.name} ${report.runtime.version}` : ''
  const validated = seconds.validate === undefined ? '' : `, of which validation ${formatSeconds(seconds.validate)}${ran}`
  terminal.note(`${relative('.', out) || out}: ${formatSeconds(total)}${validated}; peak memory ${formatBytes(peakBytes)}`)
  for (const miss of report.misses) terminal.note(`missed: ${miss}`)
  for (const place of traced?.located ?? []) terminal.note(`traced: ${place}`)
  if (traced) terminal.note(`trace: ${relative('.', traced.folder) || traced.folder}`)
}
