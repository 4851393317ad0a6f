export interface ChunkOptions {
  /** Tokens that a chunk may have. */
  readonly tokens: number
  /** Tokens at the end of one chunk that begin the next, too. */
  readonly overlap: number
  /** How many tokens a text has. */
  readonly count: (text: string) => number
}

/**
 * A text in pieces of at most so many tokens, cut between words; pieces overlap, so that what stands at a cut is whole in one of them. A
 * single word with more tokens is a piece of its own. A text that fits is one piece.
 */
export function chunkText(text: string, { tokens, overlap, count }: ChunkOptions): readonly string[] {
  if (count(text) <= tokens) return [text]
  const words = [...text.matchAll(/\S+\s*/g)].map(([word]) => word)
  const sizes = words.map(count)
  const chunks: string[] = []
  for (let start = 0; start < words.length; ) {
    let end = start + 1
    let size = sizes[start] as number
    while (end < words.length && size + (sizes[end] as number) <= tokens) size += sizes[end++] as number
    chunks.push(words.slice(start, end).join('').trimEnd())
    if (end === words.length) break
    let next = end
    for (let shared = 0; next > start + 1 && shared + (sizes[next - 1] as number) <= overlap; next--) shared += sizes[next - 1] as number
    start = next
  }
  return chunks
}
