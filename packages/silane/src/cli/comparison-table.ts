import type { Comparison } from '@silane/core'
import { formatDecibels, formatTable } from './format.ts'
import { style } from './terminal.ts'

/** One row per compared output, misses in red. */
export function comparisonTable(comparisons: readonly Comparison[], stream: NodeJS.WriteStream): string {
  const rows = comparisons.map(({ program, function: name, output, line, actual, expected, psnr, gate, ok }) => [
    program,
    name,
    output,
    line,
    `${actual} vs ${expected}`,
    formatDecibels(psnr),
    gate === undefined ? '' : `${gate}`,
    !ok ? 'MISS' : gate === undefined ? 'reported' : 'ok',
  ])
  const [head, ...lines] = formatTable(['program', 'function', 'output', 'line', 'compared', 'dB', 'gate', ''], rows, stream).split('\n')
  return [head, ...lines.map((line, i) => (comparisons[i]?.ok ? line : style('red', line, stream)))].join('\n')
}
