import { isJsonObject, type Json, type JsonObject } from '@silane/core'
import { byteCharacters } from './byte-characters.ts'
import { lowerCase, PUNCTUATION, SPACE, spacesAfter, spacesBefore, WORD } from './characters.ts'
import { type Behavior, cutText, isBehavior, type Piece } from './cut-text.ts'
import { precompiled } from './precompiled.ts'

// The tokenizers library of JavaScript takes some characters otherwise than the original in Rust, which transformers runs. What is here
// makes it agree, by types of components, wherever they stand: packages/silane/fixtures/tokenizers and tokenizer-files hold both against
// each other.

/** A normalizer of the library. */
export interface LibraryNormalizer {
  normalize(text: string): string
  readonly pattern?: RegExp | null
  readonly normalizers?: readonly (LibraryNormalizer | null)[]
}

/** A pre-tokenizer of the library. */
export interface LibraryPreTokenizer {
  pre_tokenize(text: string, options?: { readonly section_index?: number }): string[]
  readonly pattern?: RegExp | null
  readonly tokenizers?: readonly (LibraryPreTokenizer | null)[]
}

type Normalize = (text: string) => string

const normalizers: Readonly<Record<string, (settings: JsonObject, made: LibraryNormalizer) => Normalize>> = {
  BertNormalizer: settings => text => normalizeWords(text, settings),
  Lowercase: () => lowerCase,
  Precompiled: ({ precompiled_charsmap: charsmap }) => {
    if (typeof charsmap !== 'string') throw new Error('a normalizer has no precompiled_charsmap')
    return precompiled(charsmap)
  },
  Prepend:
    ({ prepend }) =>
    text =>
      text === '' || typeof prepend !== 'string' ? text : `${prepend}${text}`,
  // What it puts in is a text; the library takes "$&" in it for what was found.
  Replace:
    ({ content }, { pattern }) =>
    text =>
      pattern ? text.replaceAll(pattern, () => (typeof content === 'string' ? content : '')) : text,
  Sequence: ({ normalizers: settings }, { normalizers: made = [] }) => {
    const steps = made.map((each, at) => normalizerOf(each, Array.isArray(settings) ? settings[at] : undefined))
    return text => steps.reduce((made, step) => step(made), text)
  },
  Strip:
    ({ strip_left, strip_right }) =>
    text => {
      const start = strip_left ? spacesAfter(text, 0) : 0
      return text.slice(start, strip_right ? Math.max(start, spacesBefore(text, text.length)) : undefined)
    },
}

/** What a normalizer does to a text. */
export function normalizerOf(made: LibraryNormalizer | null, settings: Json | undefined): Normalize {
  if (made === null || !isJsonObject(settings)) return text => text
  return normalizers[String(settings.type)]?.(settings, made) ?? (text => made.normalize(text))
}

const spellBytes = (text: string): string => Array.from(new TextEncoder().encode(text), byte => byteCharacters[byte]).join('')

type Cut = (piece: Piece) => readonly Piece[]

const classOf = (characters: string): RegExp => new RegExp(`[${characters}]`, 'gu')

const [spaces, punctuation, digits] = [classOf(SPACE), classOf(PUNCTUATION), /\p{N}/gu]
const words = new RegExp(`[${WORD}]+|[^${WORD}${SPACE}]+`, 'gu')

/** GPT-2's words. */
const BYTE_LEVEL_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

const preTokenizers: Readonly<Record<string, (settings: JsonObject, made: LibraryPreTokenizer) => Cut>> = {
  BertPreTokenizer: () => piece => cutText(piece, spaces, 'Removed').flatMap(word => cutText(word, punctuation, 'Isolated')),
  ByteLevel:
    ({ use_regex = true, add_prefix_space }) =>
    ({ text, first }) => {
      const piece = { text: add_prefix_space && !text.startsWith(' ') ? ` ${text}` : text, first }
      const pieces = use_regex ? cutText(piece, BYTE_LEVEL_WORDS, 'Isolated') : [piece]
      return pieces.map(each => ({ ...each, text: spellBytes(each.text) }))
    },
  Digits: ({ individual_digits }) => cutBy(digits, individual_digits ? 'Isolated' : 'Contiguous'),
  FixedLength: ({ length }) => {
    const size = typeof length === 'number' ? length : 5
    return cutBy(new RegExp(`[^]{1,${size}}`, 'gu'), 'Isolated')
  },
  Metaspace: ({ replacement = '▁', prepend_scheme: scheme = 'always', split = true }) => {
    const mark = String(replacement)
    const marks = new RegExp(mark.replace(/[.*+?^${}()|[\]\\/]/u, '\\$&'), 'gu')
    return ({ text, first }) => {
      const marked = text.replaceAll(' ', () => mark)
      const lacks = !marked.startsWith(mark) && (scheme === 'always' || (scheme === 'first' && first))
      const piece = { text: lacks ? `${mark}${marked}` : marked, first }
      return split ? cutText(piece, marks, 'MergedWithNext') : [piece]
    }
  },
  Punctuation: ({ behavior }) => cutBy(punctuation, isBehavior(behavior) ? behavior : 'Isolated'),
  Sequence: ({ pretokenizers: settings }, { tokenizers = [] }) => {
    const steps = tokenizers.map((each, at) => preTokenizerOf(each, Array.isArray(settings) ? settings[at] : undefined))
    return piece => steps.reduce<readonly Piece[]>((pieces, step) => pieces.flatMap(step), [piece])
  },
  Split: ({ behavior, invert }, { pattern }) => {
    if (!pattern || !isBehavior(behavior)) throw new Error('a Split of its pre-tokenizer has no pattern or behavior')
    return cutBy(pattern, behavior, invert === true)
  },
  Whitespace: () => cutBy(words, 'Removed', true),
  WhitespaceSplit: () => cutBy(spaces, 'Removed'),
}

const cutBy =
  (pattern: RegExp, behavior: Behavior, invert = false): Cut =>
  piece =>
    cutText(piece, pattern, behavior, invert)

/** How a pre-tokenizer cuts a text into words. */
export function preTokenizerOf(made: LibraryPreTokenizer | null, settings: Json | undefined): Cut {
  if (made === null || !isJsonObject(settings)) return piece => [piece]
  const own = preTokenizers[String(settings.type)]?.(settings, made)
  return own ?? (({ text, first }) => made.pre_tokenize(text).map((each, at) => ({ text: each, first: first && at === 0 })))
}

/** The steps of the original in its order: control characters, ideographs, accents, case. */
function normalizeWords(text: string, { clean_text, handle_chinese_chars, strip_accents, lowercase }: JsonObject): string {
  const characters = [...text].flatMap(character => {
    if (clean_text && isDropped(character)) return []
    const clean = clean_text && /\s/.test(character) ? ' ' : character
    return handle_chinese_chars && isIdeograph(clean.codePointAt(0) as number) ? [' ', clean, ' '] : [clean]
  })
  const plain = characters.join('')
  const bare = (strip_accents ?? lowercase) ? plain.normalize('NFD').replaceAll(/\p{Mn}/gu, '') : plain
  return lowercase ? lowerCase(bare) : bare
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
