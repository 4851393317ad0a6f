import type { EncodedIds, TextTokenizer } from '@silane/core'
import type { TokenizerThread } from './tokenizer-thread.ts'

type Tokenizer = Pick<TokenizerThread, 'encode' | 'decode' | 'frames'>

/** The texts of a tokenizer's own, cut to a length between what it puts around them. The library itself cuts nothing. */
export function textTokenizer(tokenizer: Tokenizer): TextTokenizer {
  const { frames } = tokenizer
  const plain = (text: string): readonly number[] => tokenizer.encode(text, { add_special_tokens: false }).ids
  return {
    encode: (text, { pair, length = Number.POSITIVE_INFINITY } = {}) => {
      const texts = [text, ...(pair === undefined ? [] : [pair])].map(plain)
      const parts = pair === undefined ? frames.single : frames.pair
      const room = Math.max(0, length - parts.reduce((sum, part) => sum + ('ids' in part ? part.ids.length : 0), 0))
      const kept = lengths(
        texts.map(ids => ids.length),
        room,
      )
      const rows = parts.map((part): EncodedIds => {
        const [ids, special] = 'ids' in part ? [part.ids, 1] : [texts[part.text]?.slice(0, kept[part.text]) ?? [], 0]
        return { ids, segments: ids.map(() => part.segment), special: ids.map(() => special) }
      })
      const all = (of: keyof EncodedIds) => rows.flatMap(row => row[of]).slice(0, length)
      return { ids: all('ids'), segments: all('segments'), special: all('special') }
    },
    // The tokenizer refuses to decode nothing.
    decode: ids => (ids.length === 0 ? '' : tokenizer.decode(ids, { skip_special_tokens: true })),
  }
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
