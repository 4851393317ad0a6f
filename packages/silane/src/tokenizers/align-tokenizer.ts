import { isJsonObject, type Json, type JsonObject } from '@silane/core'

// The tokenizers library of JavaScript takes some characters otherwise than the original in Rust, which transformers runs. What is here
// makes it agree: packages/silane/fixtures/tokenizers holds both against each other.

/** Two texts one after the other. */
const SEQUENCES = {
  type: 'TemplateProcessing',
  single: [{ Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: {},
}

/** tokenizer.json as the library has to read it. */
export function alignFile(file: JsonObject): JsonObject {
  const post = file.post_processor
  // It concerns offsets alone, but the library loses the second text over it.
  return isJsonObject(post) && post.type === 'ByteLevel' ? { ...file, post_processor: SEQUENCES } : file
}

/** What is replaced of a tokenizer of the library. */
interface Tokenizer {
  readonly normalizer: { normalize(text: string): string } | null
  readonly pre_tokenizer: { pattern?: RegExp } | null
}

/** A tokenizer that the library has made of such a file, brought to the original's characters. */
export function alignTokenizer(tokenizer: Tokenizer, { normalizer: steps, pre_tokenizer: words, added_tokens }: JsonObject): void {
  if (tokenizer.pre_tokenizer !== null && isJsonObject(words) && words.type === 'ByteLevel') tokenizer.pre_tokenizer.pattern = WORDS
  if (tokenizer.normalizer !== null && isJsonObject(steps) && steps.type === 'BertNormalizer') {
    const listed: readonly Json[] = Array.isArray(added_tokens) ? added_tokens : []
    const added = new Set(listed.map(token => (isJsonObject(token) ? token.content : undefined)))
    tokenizer.normalizer.normalize = text => {
      const made = normalizeWords(text, steps)
      // The library takes a text for an added token where the whole of it is like one only after it was normalized. A space parts words
      // anyway, and makes it another text.
      return made !== text && added.has(made) ? `${made} ` : made
    }
  }
}

/** GPT-2's words, with the white space of Unicode: that of JavaScript has U+FEFF, and lacks U+0085. */
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

/** The steps of the original in its order: control characters, ideographs, accents, case. */
function normalizeWords(text: string, { clean_text, handle_chinese_chars, strip_accents, lowercase }: JsonObject): string {
  const characters = [...text].flatMap(character => {
    if (clean_text && isDropped(character)) return []
    const clean = clean_text && /\s/.test(character) ? ' ' : character
    return handle_chinese_chars && isIdeograph(clean.codePointAt(0) as number) ? [' ', clean, ' '] : [clean]
  })
  const plain = characters.join('')
  const bare = (strip_accents ?? lowercase) ? plain.normalize('NFD').replaceAll(/\p{Mn}/gu, '') : plain
  // One by one: a sigma at the end of a word is like any other.
  return lowercase ? Array.from(bare, character => character.toLowerCase()).join('') : bare
}

/** Control characters, but for those that are spaces, and what replaced a broken one. */
const isDropped = (character: string): boolean =>
  character === '\0' || character === '\uFFFD' || (/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u.test(character) && !/[\t\n\r]/.test(character))

/** The blocks of ideographs as the original has them, a gap in one of them included. */
const IDEOGRAPHS: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
]

const isIdeograph = (point: number): boolean => IDEOGRAPHS.some(([first, last]) => point >= first && point <= last)
