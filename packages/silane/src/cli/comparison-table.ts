import type { Comparison } from '@silane/core'
import { formatDecibels, formatTable } from './format.ts'
import { style } from './terminal.ts'

/** One row per compared output, misses in red. */
export function comparisonTable(comparisons: readonly Comparison[], stream: NodeJS.WriteStream): string {
  const rows = comparisons.map(({ program, function: name, output, line, actual, expected, psnr, gate, ok }) => [
    `${program}/${name}`,
    output,
    line,
    `${actual} vs ${expected}`,
    formatDecibels(psnr),
    gate === undefined ? '' : `${gate}`,
    !ok ? 'MISS' : gate === undefined ? 'reported' : 'ok',
  ])
  const head = ['function', 'output', 'line', 'compared', 'dB', 'gate', '']
  return formatTable(head, rows, stream, (line, row) => (comparisons[row]?.ok ? line : style('red', line, stream)))
}
