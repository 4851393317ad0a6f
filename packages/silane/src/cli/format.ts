import { style } from './terminal.ts'

/** As a person says it: `3.2 ms`, `8.1 s`, `4 min 10 s`, `2 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.1) return `${(seconds * 1000).toFixed(1)} ms`
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

export const formatDecibels = (psnr: number): string =>
  psnr === Number.POSITIVE_INFINITY ? 'equal' : Number.isFinite(psnr) ? psnr.toFixed(1) : 'not finite'

/** Columns of a stream that is no terminal. */
const WIDTH = 80

/** Between two columns. */
const GAP = '  '

/** A column of text is not made narrower than its longest word, up to so much. */
const LONGEST_WORD = 16

/** Behind these a word may be broken. */
const MARKS = ['/', '_', '.', '-', ',']

/**
 * Columns aligned with two spaces between them; figures to the right. It fits the terminal, or 80 columns: where it does not, the widest
 * texts go on in the next line of their cell, and so do heads over figures. `paint` gives the lines of a row a colour.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  stream: NodeJS.WriteStream,
  paint: (line: string, row: number) => string = line => line,
): string {
  const numeric = head.map((_, i) => rows.length > 0 && rows.every(row => /^(?:-?[\d.,]+(?: [\w%/]+)?|equal|)$/.test(row[i] ?? '')))
  const cells = (i: number): readonly string[] => rows.map(row => row[i] ?? '')
  const natural = head.map((title, i) => longest([title, ...cells(i)]))
  // Of figures nothing is cut: they stand below a head of several lines.
  const least = head.map((title, i) =>
    numeric[i] ? longest([...title.split(' '), ...cells(i)]) : Math.min(LONGEST_WORD, longest([title, ...cells(i)].flatMap(words))),
  )
  const room = (stream.isTTY ? (stream.columns ?? WIDTH) : WIDTH) - GAP.length * (head.length - 1)
  // Sentences first: names are easier to read in one piece.
  const sentences = head.map((title, i) => ([title, ...cells(i)].some(text => text.includes(' ')) ? (least[i] ?? 0) : (natural[i] ?? 0)))
  const widths = fitted(fitted(natural, sentences, room), least, room)
  const lines = (row: readonly string[]): readonly string[] => {
    const parts = head.map((_, i) => wrapped(row[i] ?? '', widths[i] ?? 0))
    const height = Math.max(1, ...parts.map(({ length }) => length))
    return Array.from({ length: height }, (_, line) =>
      parts
        .map((part, i) => {
          const [text, width] = [part[line] ?? '', widths[i] ?? 0]
          return numeric[i] ? text.padStart(width) : text.padEnd(width)
        })
        .join(GAP)
        .trimEnd(),
    )
  }
  return [...lines(head).map(line => style('dim', line, stream)), ...rows.flatMap((row, i) => lines(row).map(line => paint(line, i)))].join(
    '\n',
  )
}

/** What of a text stays together. */
const words = (text: string): readonly string[] => text.split(/ |(?<=[/_.,-])/)

const longest = (texts: readonly string[]): number => texts.reduce((most, { length }) => Math.max(most, length), 0)

/** Widths that fit into `room`, taken from the widest column that has some to give, as long as there is one. */
function fitted(natural: readonly number[], least: readonly number[], room: number): readonly number[] {
  const widths = [...natural]
  for (let over = widths.reduce((sum, width) => sum + width, 0) - room; over > 0; over--) {
    const spare = widths.map((width, i) => (width > (least[i] ?? 0) ? width : 0))
    const widest = spare.indexOf(Math.max(...spare))
    if ((spare[widest] ?? 0) === 0) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

/** A text in lines of at most `width`, broken at spaces, and after `/`, `_`, `.`, `-` and `,` where a word alone is longer. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width && width > 0) {
    const head = rest.slice(0, width + 1)
    const space = head.lastIndexOf(' ')
    const mark = Math.max(...MARKS.map(sign => head.slice(0, width).lastIndexOf(sign) + 1))
    const at = space > 0 ? space : mark > 0 ? mark : width
    lines.push(rest.slice(0, at))
    rest = rest.slice(at).trimStart()
  }
  return rest === '' && lines.length > 0 ? lines : [...lines, rest]
}
