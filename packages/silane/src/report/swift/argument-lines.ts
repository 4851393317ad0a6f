import { indent } from './indent.ts'

const WIDTH = 110

/** What stands in brackets between `before` and `after`: on one line, or on as many below as it takes. */
export function argumentLines(before: string, items: readonly string[], after: string): string[] {
  const line = `${before}(${items.join(', ')})${after}`
  if (line.length <= WIDTH) return [line]
  const rows: string[] = []
  for (const [i, item] of items.entries()) {
    const piece = i < items.length - 1 ? `${item},` : item
    const last = rows.at(-1)
    if (last !== undefined && last.length + piece.length < WIDTH) rows[rows.length - 1] = `${last} ${piece}`
    else rows.push(piece)
  }
  return [`${before}(`, ...indent(rows), `)${after}`]
}
