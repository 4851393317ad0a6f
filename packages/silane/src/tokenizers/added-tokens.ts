import { isJsonObject, type JsonObject } from '@silane/core'
import { spacesAfter, spacesBefore, WORD } from './characters.ts'
import type { Piece } from './cut-text.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A token that is looked for in texts before anything else. */
export interface SearchedToken {
  readonly content: string
  readonly id: number
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly special: boolean
  readonly normalized: boolean
}

/**
 * The added tokens of a tokenizer.json, with the ids that the original gives them: of one that the vocabulary has, its own; of any other the
 * next one. Those that the file says are not looked at.
 */
export function searchedTokens({ added_tokens }: JsonObject, vocabulary: Vocabulary): readonly SearchedToken[] {
  const tokens = new Map<string, SearchedToken>()
  let next = vocabulary.size
  for (const token of Array.isArray(added_tokens) ? added_tokens : []) {
    if (!isJsonObject(token) || typeof token.content !== 'string') throw new Error(`${JSON.stringify(token)} is no added token`)
    const { content, special = false } = token
    if (content === '' || tokens.has(content)) continue
    const id = vocabulary.get(content) ?? next
    next = Math.max(next, id + 1)
    const [single_word, lstrip, rstrip] = [token.single_word === true, token.lstrip === true, token.rstrip === true]
    tokens.set(content, { content, id, single_word, lstrip, rstrip, special: special === true, normalized: token.normalized === true })
  }
  // Of equal ones the special is found.
  return [...tokens.values()].sort((a, b) => Number(b.special) - Number(a.special))
}

/** Cuts a piece into the ids of the tokens that are in it and what is between them. `spell`: how they stand in the text. */
export function tokenSearch(
  tokens: readonly SearchedToken[],
  spell: (content: string) => string,
): (piece: Piece) => readonly (Piece | number)[] {
  const spelled = new Map<string, SearchedToken>()
  for (const token of tokens) if (!spelled.has(spell(token.content))) spelled.set(spell(token.content), token)
  spelled.delete('')
  const starts = new Set([...spelled.keys()].map(content => content[0]))
  // The longest first.
  const lengths = [...new Set([...spelled.keys()].map(content => content.length))].sort((a, b) => b - a)
  return piece => {
    const { text, first } = piece
    const found: (Piece | number)[] = []
    let done = 0
    const between = (to: number) => done < to && found.push({ text: text.slice(done, to), first: first && done === 0 })
    for (let at = 0; at < text.length; at++) {
      const length = starts.has(text[at]) ? lengths.find(each => spelled.has(text.slice(at, at + each))) : undefined
      const token = length && spelled.get(text.slice(at, at + length))
      if (!token) continue
      const end = at + length
      if (!token.single_word || isAlone(text, at, end)) {
        between(token.lstrip ? spacesBefore(text, at) : at)
        found.push(token.id)
        done = token.rstrip ? spacesAfter(text, end) : end
      }
      at = end - 1
    }
    between(text.length)
    return found
  }
}

const word = new RegExp(`^[${WORD}]$`, 'u')

/** Whether neither a letter nor a digit is next to it. */
function isAlone(text: string, start: number, end: number): boolean {
  const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? ''
  const after = Array.from(text.slice(end, end + 2))[0] ?? ''
  return !word.test(before) && !word.test(after)
}
