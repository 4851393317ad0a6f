/** Lines, further to the right by so many levels. Empty ones stay empty. */
export const indent = (lines: readonly string[], levels = 1): string[] =>
  lines.map(line => (line === '' ? '' : `${'  '.repeat(levels)}${line}`))
