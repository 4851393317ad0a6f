import { tokenRoles } from '@silane/core'
import type { SpecialToken, TokenizerSettings } from './read-settings.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A token as tokenizer.json lists it. */
export interface AddedToken extends SpecialToken {
  readonly id: number
}

/**
 * The tokens that are looked for in the text first, by their ids: those of the files, and the special ones. What is not in the vocabulary
 * gets an id behind it, in the order of the roles.
 */
export function addTokens(vocabulary: Vocabulary, { special, more, added }: TokenizerSettings): readonly AddedToken[] {
  const specials = [...tokenRoles.flatMap(role => special.get(role) ?? []), ...more]
  const named = new Set(specials.map(({ content }) => content))
  const tokens = new Map<string, AddedToken>()
  for (const [id, token] of added) tokens.set(token.content, { id, ...token, special: token.special || named.has(token.content) })
  let next = new Set([...vocabulary.keys(), ...tokens.keys()]).size
  for (const token of specials) {
    if (tokens.has(token.content)) continue
    tokens.set(token.content, { id: vocabulary.get(token.content) ?? next++, ...token, special: true })
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id)
}
