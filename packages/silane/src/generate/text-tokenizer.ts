import type { EncodedIds, TextTokenizer } from '@silane/core'
import type { TokenizerThread } from './tokenizer-thread.ts'

type Tokenizer = Pick<TokenizerThread, 'encode' | 'decode'>

/** What stands around texts: ids and the segments that they are of. */
interface Frame {
  readonly parts: readonly { readonly ids: readonly number[]; readonly segments: readonly number[] }[]
  /** The segment of each text. */
  readonly segments: readonly number[]
}

/** The texts of a tokenizer's own, cut to a length between what it puts around them. The library itself cuts nothing. */
export function textTokenizer(tokenizer: Tokenizer): TextTokenizer {
  const plain = (text: string): readonly number[] => tokenizer.encode(text, { add_special_tokens: false }).ids
  const frames = new Map<number, Frame>()
  const frameOf = (texts: number): Frame => {
    const known = frames.get(texts) ?? frame(tokenizer, texts)
    frames.set(texts, known)
    return known
  }
  return {
    encode: (text, { pair, length = Number.POSITIVE_INFINITY } = {}) => {
      const texts = [text, ...(pair === undefined ? [] : [pair])].map(plain)
      const { parts, segments } = frameOf(texts.length)
      const room = Math.max(0, length - parts.reduce((sum, { ids }) => sum + ids.length, 0))
      const kept = lengths(
        texts.map(ids => ids.length),
        room,
      )
      const rows = parts.flatMap((part, at): EncodedIds[] => {
        const around = { ...part, special: part.ids.map(() => 1) }
        const ids = texts[at]?.slice(0, kept[at])
        return ids ? [around, { ids, segments: ids.map(() => segments[at] ?? 0), special: ids.map(() => 0) }] : [around]
      })
      const all = (of: keyof EncodedIds) => rows.flatMap(row => row[of]).slice(0, length)
      return { ids: all('ids'), segments: all('segments'), special: all('special') }
    },
    // The tokenizer refuses to decode nothing.
    decode: ids => (ids.length === 0 ? '' : tokenizer.decode(ids, { skip_special_tokens: true })),
  }
}

/** What a tokenizer puts before, between and behind one text or two, seen on short ones. */
function frame(tokenizer: Tokenizer, texts: number): Frame {
  const sample = 'a'
  const bare = tokenizer.encode(sample, { add_special_tokens: false }).ids
  const { ids, token_type_ids: types } = tokenizer.encode(sample, texts > 1 ? { text_pair: sample } : {})
  const parts: Frame['parts'][number][] = []
  const segments: number[] = []
  let from = 0
  for (let text = 0; text < texts; text++) {
    const at = ids.findIndex((_, i) => i >= from && bare.every((id, k) => ids[i + k] === id))
    const to = at < 0 ? from : at
    parts.push({ ids: ids.slice(from, to), segments: types.slice(from, to) })
    segments.push(types[to] ?? 0)
    from = at < 0 ? from : at + bare.length
  }
  parts.push({ ids: ids.slice(from), segments: types.slice(from) })
  return { parts, segments }
}

/** How much of each text is kept where both have so much room: the longer one is cut first (`longest_first` of Hugging Face tokenizers). */
function lengths(given: readonly number[], room: number): readonly number[] {
  const [first = 0, second] = given
  if (second === undefined) return [Math.min(first, room)]
  if (first + second <= room) return given
  const [short, long] = first <= second ? [first, second] : [second, first]
  let [less, more] = [short, short > room ? short : Math.max(short, room - short)]
  if (less + more > room) {
    less = Math.floor(room / 2)
    more = less + (room % 2)
  }
  return first <= second ? [less, Math.min(more, long)] : [Math.min(more, long), less]
}
