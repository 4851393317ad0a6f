import { formatBytes } from '../format-bytes.ts'
import { describeCoverage } from '../report/describe-coverage.ts'
import { missedGates } from '../validate/missed-gates.ts'
import { type ValidateOptions, validate } from '../validate/validate.ts'
import { comparisonTable } from './comparison-table.ts'
import { formatSeconds } from './format.ts'
import { progressLine } from './progress-line.ts'
import { terminal } from './terminal.ts'

interface ValidateFlags extends Pick<ValidateOptions, 'model' | 'golden' | 'offline'> {
  readonly plugin?: string[]
  readonly json?: boolean
}

/** `silane validate`: exit code 3 where a gate is missed. */
export async function validateCommand(folder: string, flags: ValidateFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  try {
    const { model, golden, offline, plugin: plugins } = flags
    const result = await validate({ folder, model, golden, offline, plugins, signal, onProgress: line.show, onNote: line.note })
    line.clear()
    if (flags.json) terminal.document(result)
    terminal.note(comparisonTable(result.comparisons, process.stderr))
    for (const sentence of describeCoverage(result.coverage)) terminal.note(sentence)
    for (const note of result.notes) terminal.note(`note: ${note}`)
    for (const warning of result.warnings) terminal.note(`warning: ${warning}`)
    const { name, version } = result.runtime
    terminal.note(`${formatSeconds(result.seconds)} in ${name} ${version}; peak memory ${formatBytes(result.peakBytes)}`)
    for (const miss of missedGates(result.comparisons)) terminal.note(`missed: ${miss}`)
    return result.ok ? 0 : 3
  } finally {
    line.clear()
  }
}
