import { inOneLine } from '../printable.ts'
import type { CiGate, CiReport, CiResult } from './ci-report.ts'

/** Characters of a sentence in the table. */
const MAX_TEXT = 300

/** Text of a file as it may stand in a cell of a Markdown table: no column, no markup and no HTML of its own. */
const cell = (text: string): string => {
  const line = inOneLine(text)
  const short = line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line
  return short.replaceAll(/[\\`*_[\]<>|#~&@]/g, mark => `\\${mark}`)
}

const outcome: Readonly<Record<CiResult['exit'], string>> = { 0: 'ok', 1: 'failed', 2: 'failed', 3: 'missed a gate' }

/** How far above its gate a figure is. */
const margin = ({ psnr, gate = 0 }: CiGate): number =>
  psnr === 'none' ? Number.NEGATIVE_INFINITY : psnr === 'equal' ? Number.POSITIVE_INFINITY : psnr - gate

/** The figure that is nearest to its gate. */
function tightest(gates: readonly CiGate[]): string {
  const [nearest] = gates.filter(({ gate }) => gate !== undefined).sort((a, b) => margin(a) - margin(b))
  if (!nearest) return ''
  const { line, psnr, gate } = nearest
  return `${cell(line)} ${typeof psnr === 'number' ? `${psnr.toFixed(1)} dB` : psnr} (≥ ${gate})`
}

const megabytes = (bytes: number): string => (bytes === 0 ? '' : `${(bytes / 1e6).toFixed(1)} MB`)

/** Names in one line: a run may lack all of ten thousand machines. */
const MOST_NAMED = 20

/** The results as Markdown, for a terminal and for $GITHUB_STEP_SUMMARY: what went wrong stands first. */
export function summarize({ results, silane }: CiReport, missing: readonly string[] = []): string {
  const bad = results.filter(({ exit }) => exit !== 0)
  const rows = [...bad, ...results.filter(({ exit }) => exit === 0)].map(result => {
    const { name, task, target, exit, gates, bytes, seconds } = result
    return `| ${cell(name)} | ${cell(task ?? '')} | ${target} | ${outcome[exit]} | ${tightest(gates)} | ${megabytes(bytes)} | ${seconds.toFixed(1)} s |`
  })
  const words = bad.map(
    ({ name, error, misses }) => `- ${cell(name)}: ${error ? `${cell(error.code)} ${cell(error.what)}` : misses.map(cell).join('; ')}`,
  )
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0)
  const lost =
    missing.length > 0
      ? [
          `Missing: ${missing.slice(0, MOST_NAMED).map(cell).join(', ')}${missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : ''}`,
          '',
        ]
      : []
  return [
    `${results.length - bad.length} of ${results.length} conversions are good, silane ${cell(silane.version)}, ${total.toFixed(0)} s of work`,
    '',
    ...lost,
    ...words,
    ...(words.length > 0 ? [''] : []),
    '| entry | task | target | | nearest to its gate | size | time |',
    '|---|---|---|---|---|---:|---:|',
    ...rows,
  ].join('\n')
}
