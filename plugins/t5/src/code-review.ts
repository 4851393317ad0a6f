/**
 * What CodeReviewer reads and writes (Li et al., "Automating Code Review Activities by Large-Scale Pre-training", 2022). Everything is
 * text with tags; the tokenizer of the checkpoint knows the tags as single tokens.
 */

const tags: Readonly<Record<string, string>> = { '+': '<add>', '-': '<del>' }

/**
 * What the encoder reads for a comment on a change: each line of a hunk behind a tag, without its first character. `hunk` is as git
 * writes it; its first line, `@@ …`, and blank lines are left out.
 */
export const reviewInput = (hunk: string): string =>
  hunk
    .split('\n')
    .slice(1)
    .filter(line => line.trim() !== '')
    .map(line => `${tags[line.charAt(0)] ?? '<keep>'}${line.slice(1).trim()}`)
    .join('')

/**
 * What the encoder reads to refine code by a comment. `old` are the lines of the hunk before the change, each with the character that
 * a diff begins a line with.
 */
export const refinementInput = (old: string, comment: string): string => `${refinementLines(old)}<msg>${comment}`

const refinementLines = (code: string): string =>
  code
    .split('\n')
    .map(line => `<add>${line.slice(1).trim()}`)
    .join('')

export interface SourceOptions {
  /** Tokens with the frame. Default: 512, for comments; refinement was trained with 200. */
  readonly length?: number | undefined
  readonly bos?: number | undefined
  readonly eos?: number | undefined
}

/** The ids of a text in their frame: `<s>` … `</s>`, the text cut to what fits between. A frame that the tokenizer made counts as ours. */
export function sourceIds(ids: readonly number[], { length = 512, bos = 1, eos = 2 }: SourceOptions = {}): readonly number[] {
  const from = ids[0] === bos ? 1 : 0
  const to = ids.length > from && ids.at(-1) === eos ? ids.length - 1 : ids.length
  return [bos, ...ids.slice(from, to).slice(0, length - 2), eos]
}

const withoutFrame = (text: string): string => text.replace(/<s>|<\/s>|<pad>/g, '')

/** The comment in what the decoder wrote: all behind `<msg>`, where it was decoded with special tokens. */
export const reviewComment = (text: string): string =>
  withoutFrame(text)
    .replace(/^\s*<msg>/, '')
    .trim()

/** The refined lines in what the decoder wrote, decoded with special tokens. Indentation is not part of what the model knows. */
export const refinedLines = (text: string): readonly string[] => {
  const [before = '', ...lines] = withoutFrame(text).split('<add>')
  return (before.trim() === '' ? lines : [before, ...lines]).map(line => line.trim())
}
