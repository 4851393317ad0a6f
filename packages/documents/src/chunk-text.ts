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
    // The word that did not fit goes into the next piece, so that no piece lies within the one before. A word of no tokens, such as one
    // that the tokenizer cleans away, counts as one here: of such words all would be shared, again and again.
    const room = Math.min(overlap, tokens - (sizes[end] as number))
    const shares = (word: number): number => Math.max(1, sizes[word] as number)
    let next = end
    for (let shared = 0; next > start + 1 && shared + shares(next - 1) <= room; next--) shared += shares(next - 1)
    start = next
  }
  return chunks
}
