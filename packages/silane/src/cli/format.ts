import { style } from './terminal.ts'

export const formatSeconds = (seconds: number): string => (seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(1)} s`)

export const formatDecibels = (psnr: number): string =>
  psnr === Number.POSITIVE_INFINITY ? 'equal' : Number.isFinite(psnr) ? psnr.toFixed(1) : 'not finite'

/** Columns aligned with two spaces between them; figures to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], stream: NodeJS.WriteStream): string {
  const widths = head.map((title, i) => rows.reduce((width, row) => Math.max(width, (row[i] ?? '').length), title.length))
  const numeric = head.map((_, i) => rows.length > 0 && rows.every(row => /^(?:-?[\d.,]+(?: \w+)?|equal|)$/.test(row[i] ?? '')))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [style('dim', line(head), stream), ...rows.map(line)].join('\n')
}
