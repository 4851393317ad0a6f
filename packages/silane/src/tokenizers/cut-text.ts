/** A piece of a text between added tokens. */
export interface Piece {
  readonly text: string
  /** Whether it begins where the whole text does. */
  readonly first: boolean
}

/** What becomes of what a pattern finds. */
export type Behavior = 'Removed' | 'Isolated' | 'Contiguous' | 'MergedWithPrevious' | 'MergedWithNext'

interface Span {
  readonly start: number
  readonly end: number
  readonly found: boolean
}

/** Whether a span stays together with the one before it. */
const together: Readonly<Record<Behavior, (before: Span, span: Span) => boolean>> = {
  Removed: () => false,
  Isolated: () => false,
  Contiguous: (before, span) => before.found === span.found,
  MergedWithPrevious: (before, span) => span.found && !before.found,
  MergedWithNext: (before, span) => before.found && !span.found,
}

export const isBehavior = (name: unknown): name is Behavior => typeof name === 'string' && Object.hasOwn(together, name)

/** Cuts a piece where a pattern is found, as the original does (`NormalizedString::split`). `invert`: what is not found counts as found. */
export function cutText({ text, first }: Piece, pattern: RegExp, behavior: Behavior, invert = false): readonly Piece[] {
  const spans: Span[] = []
  let from = 0
  const add = (to: number, found: boolean): void => {
    spans.push({ start: from, end: to, found: found !== invert })
    from = to
  }
  for (const { index, 0: found } of text.matchAll(pattern)) {
    if (index > from) add(index, false)
    add(index + found.length, true)
  }
  if (from < text.length) add(text.length, false)
  const pieces: { start: number; end: number }[] = []
  for (const [at, span] of spans.entries()) {
    const [before, last] = [spans[at - 1], pieces.at(-1)]
    if (behavior === 'Removed' && span.found) continue
    if (last && before && together[behavior](before, span)) last.end = span.end
    else pieces.push({ start: span.start, end: span.end })
  }
  return pieces
    .filter(({ start, end }) => end > start)
    .map(({ start, end }) => ({ text: text.slice(start, end), first: first && start === 0 }))
}
