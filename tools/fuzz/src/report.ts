import { FAULTS } from './judge.ts'
import type { FormatTotals, FoundFault, FuzzResult } from './run-fuzz.ts'

const number = (value: number): string => value.toLocaleString('en')

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  return rows
    .map(row =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
    )
    .join('\n')
}

const sum = (totals: readonly FormatTotals[], of: (total: FormatTotals) => number): number =>
  totals.reduce((all, total) => all + of(total), 0)
const codedOf = ({ coded }: FormatTotals): number => [...coded.values()].reduce((all, count) => all + count, 0)

export const faultText = ({ fault, case: name, what, input, frames, count }: FoundFault): string =>
  [
    `${fault}  ${name}${count > 1 ? `  (and ${number(count - 1)} more)` : ''}`,
    ...(input ? [`  ${input}`] : []),
    `  ${what}`,
    ...frames.map(frame => `    at ${frame}`),
  ].join('\n')

/** What a run came to: a row for each format, the codes, every distinct fault with the first case of it. */
export function report({ formats, faults, unconfirmed, inputs, seconds }: FuzzResult): string {
  const all = [...formats.values()]
  const codes = new Map<string, number>()
  for (const { coded } of all) for (const [code, count] of coded) codes.set(code, (codes.get(code) ?? 0) + count)
  return [
    table([
      ['format', 'inputs', 'ok', 'coded errors', 'faults', 'slowest', 'of'],
      ...[...formats].map(([format, total]) => [
        format,
        number(total.inputs),
        number(total.ok),
        number(codedOf(total)),
        number(total.faults),
        `${(total.slowest.ms / 1000).toFixed(2)} s`,
        total.slowest.case,
      ]),
      ['all', number(inputs), number(sum(all, ({ ok }) => ok)), number(sum(all, codedOf)), number(sum(all, total => total.faults)), '', ''],
    ]),
    '',
    `${number(inputs)} inputs in ${seconds.toFixed(0)} s, ${(inputs / Math.max(seconds, 1e-9)).toFixed(1)}/s`,
    `codes: ${
      [...codes]
        .sort(([, a], [, b]) => b - a)
        .map(([code, count]) => `${code} ${number(count)}`)
        .join(', ') || 'none'
    }`,
    `faults: ${
      FAULTS.map(kind => [kind, faults.filter(({ fault }) => fault === kind).reduce((count, found) => count + found.count, 0)] as const)
        .filter(([, count]) => count > 0)
        .map(([kind, count]) => `${kind} ${number(count)}`)
        .join(', ') || 'none'
    }`,
    ...(unconfirmed.length > 0 ? [`at a limit beside others, and well when run alone: ${unconfirmed.join('; ')}`] : []),
    ...faults.flatMap(found => ['', faultText(found)]),
  ].join('\n')
}
