import { own } from '@silane/core'

/** What REBEL found in a text: `relation` holds between `head` and `tail`. */
export interface RelationTriplet {
  readonly head: string
  readonly relation: string
  readonly tail: string
}

/** Which part of a triplet words belong to. The names mislead: `<subj>` announces the tail, `<obj>` the relation. */
const parts = { '<triplet>': 'head', '<subj>': 'tail', '<obj>': 'relation' } as const

/**
 * The triplets in what REBEL writes, decoded with its special tokens, as `extract_triplets` of its model card finds them:
 *
 *     <triplet> head <subj> tail <obj> relation <subj> tail <obj> relation <triplet> …
 *
 * Text that was cut off gives the triplets that are whole; words before the first tag belong to none.
 */
export function relationTriplets(text: string): readonly RelationTriplet[] {
  const triplets: RelationTriplet[] = []
  const words: { head: string[]; tail: string[]; relation: string[] } = { head: [], tail: [], relation: [] }
  const keep = () => triplets.push({ head: words.head.join(' '), relation: words.relation.join(' '), tail: words.tail.join(' ') })
  let part: keyof typeof words | undefined
  for (const word of wordsOf(text)) {
    const tag = own(parts, word)
    if (tag === undefined) {
      if (part !== undefined) words[part].push(word)
      continue
    }
    part = tag
    if (tag !== 'relation' && words.relation.length > 0) keep()
    if (tag === 'head') words.relation = []
    words[tag] = []
  }
  if (words.head.length > 0 && words.relation.length > 0 && words.tail.length > 0) keep()
  return triplets
}

const wordsOf = (text: string): readonly string[] =>
  text
    .replace(/<s>|<pad>|<\/s>/g, '')
    // Decoders differ in whether they put spaces around special tokens.
    .replace(/<(?:triplet|subj|obj)>/g, ' $& ')
    .split(/\s+/)
    .filter(word => word !== '')
