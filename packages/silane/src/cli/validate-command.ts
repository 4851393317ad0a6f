import { formatBytes } from '../format-bytes.ts'
import { describeCoverage } from '../report/describe-coverage.ts'
import { verdict } from '../report/verdict.ts'
import { missedGates } from '../validate/missed-gates.ts'
import { type ValidateOptions, type ValidateResult, validate } from '../validate/validate.ts'
import { comparisonTable } from './comparison-table.ts'
import { formatSeconds } from './format.ts'
import { printVerdict } from './print-verdict.ts'
import { progressLine } from './progress-line.ts'
import { type GivenHubFlags, hubOptions } from './shared-flags.ts'
import { terminal } from './terminal.ts'

interface ValidateFlags extends GivenHubFlags, Pick<ValidateOptions, 'model' | 'golden' | 'subfolder'> {
  readonly plugin?: string[]
  readonly table?: boolean
  readonly json?: boolean
}

/** `silane validate`: exit code 3 where a gate is missed. */
export async function validateCommand(folder: string, flags: ValidateFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  try {
    const { model, golden, subfolder, plugin: plugins } = flags
    const result = await validate({
      folder,
      model,
      golden,
      subfolder,
      ...hubOptions(flags),
      plugins,
      signal,
      onProgress: line.show,
      onNote: line.note,
    })
    line.clear()
    if (flags.json) terminal.document(result)
    tell(result, flags)
    return result.ok ? 0 : 3
  } finally {
    line.clear()
  }
}

/** The verdict and what belongs to it: the result, on stdout unless a document stands there. */
function tell(
  { comparisons, coverage, notes, warnings, runtime, seconds, peakBytes }: ValidateResult,
  { json, table }: ValidateFlags,
): void {
  const stream = json ? process.stderr : process.stdout
  const say = json ? terminal.note : terminal.result
  const misses = missedGates(comparisons)
  say(printVerdict(verdict({ validated: true, misses, comparisons, coverage }), stream))
  for (const miss of misses) say(`missed: ${miss}`)
  if (table && comparisons.length > 0) say(`\n${comparisonTable(comparisons, stream)}\n`)
  for (const warning of warnings) say(`warning: ${warning}`)
  if (terminal.quiet) return
  for (const sentence of describeCoverage(coverage)) say(sentence)
  for (const note of notes) say(`note: ${note}`)
  say(`${formatSeconds(seconds)} in ${runtime.name} ${runtime.version}; peak memory ${formatBytes(peakBytes)}`)
}
