import { isJsonObject, type Json, type JsonObject } from '@silane/core'
import { modelType } from './word-ids.ts'

type Check = (value: Json) => boolean

/** Settings by types. */
type Rows = Readonly<Record<string, Readonly<Record<string, Check>>>>

const any: Check = () => true
const flag: Check = value => typeof value === 'boolean'
const text: Check = value => typeof value === 'string'
const number: Check = value => typeof value === 'number'
const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value)
const oneOf =
  (...values: readonly Json[]): Check =>
  value =>
    values.includes(value)
const behavior = oneOf('Removed', 'Isolated', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext')

/** Regular expressions that are held against the original, which has those of Oniguruma. Others read alike, and were not tried. */
export const EXPRESSIONS: ReadonlySet<Json | undefined> = new Set([
  String.raw`\s+`,
  ' {2,}',
  String.raw`\p{M}`,
  String.raw`[\r\n]+$`,
  String.raw`\w+`,
  String.raw`\w+|[^\w\s]+`,
  '[0-9][0-9][0-9]',
  String.raw`\p{N}{1,3}`,
  '[一-龥぀-ゟ゠-ヿ]+',
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`,
  String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`,
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` +
    '`' +
    String.raw`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
])
const pattern: Check = value =>
  isJsonObject(value) && ((typeof value.String === 'string' && value.String !== '') || EXPRESSIONS.has(value.Regex))

/** The parts of a Sequence, by where it stands. */
const SEQUENCES: Readonly<Record<string, string>> = {
  normalizer: 'normalizers',
  pre_tokenizer: 'pretokenizers',
  post_processor: 'processors',
}

const byteLevel = { add_prefix_space: flag, trim_offsets: flag, use_regex: flag }
const around = { sep: any, cls: any }

/**
 * What was held against the original, so that ids are its ids: the types of components, wherever they stand, and their settings.
 * packages/silane/fixtures/tokenizer-files has texts for each row.
 */
export const CHECKED = {
  normalizer: {
    NFC: {},
    NFD: {},
    NFKC: {},
    NFKD: {},
    Lowercase: {},
    StripAccents: {},
    BertNormalizer: { clean_text: flag, handle_chinese_chars: flag, strip_accents: orNull(flag), lowercase: flag },
    Precompiled: { precompiled_charsmap: text },
    Prepend: { prepend: text },
    Replace: { pattern, content: text },
    Strip: { strip_left: flag, strip_right: flag },
  },
  pre_tokenizer: {
    BertPreTokenizer: {},
    ByteLevel: byteLevel,
    Digits: { individual_digits: flag },
    FixedLength: { length: number },
    Metaspace: { replacement: text, prepend_scheme: oneOf('always', 'first', 'never'), split: flag },
    Punctuation: { behavior },
    Split: { pattern, behavior, invert: flag },
    Whitespace: {},
    WhitespaceSplit: {},
  },
  model: {
    BPE: {
      // Drawn anew for each text.
      dropout: oneOf(null, 0),
      unk_token: orNull(text),
      continuing_subword_prefix: orNull(text),
      end_of_word_suffix: orNull(text),
      fuse_unk: flag,
      byte_fallback: flag,
      ignore_merges: flag,
      vocab: any,
      merges: any,
    },
    Unigram: { unk_id: orNull(number), byte_fallback: flag, vocab: any },
    WordLevel: { unk_token: text, vocab: any },
    WordPiece: { unk_token: text, continuing_subword_prefix: text, max_input_chars_per_word: number, vocab: any },
  },
  post_processor: {
    BertProcessing: around,
    ByteLevel: byteLevel,
    RobertaProcessing: { ...around, trim_offsets: flag, add_prefix_space: flag },
    TemplateProcessing: { single: any, pair: any, special_tokens: any },
  },
} satisfies Readonly<Record<string, Rows>>

export type Place = keyof typeof CHECKED

const TOKEN = { id: number, content: text, single_word: flag, lstrip: flag, rstrip: flag, normalized: flag, special: flag }

/** Of the parts that were not tried, those that are named. */
const NAMED = 3

/** Why the ids of a tokenizer.json may not be the original's; undefined where all its parts were held against that. */
export function uncheckedParts(file: JsonObject): string | undefined {
  const typed: JsonObject = isJsonObject(file.model) ? { ...file, model: { ...file.model, type: modelType(file.model) } } : file
  const places = Object.keys(CHECKED) as readonly Place[]
  const tokens = Array.isArray(file.added_tokens) ? file.added_tokens : []
  const found = new Set([
    ...places.flatMap(place => unchecked(place, typed[place])),
    ...tokens.flatMap(token => settingsOf('an added token', token, TOKEN)),
  ])
  if (found.size === 0) return undefined
  const more = found.size > NAMED ? `, and ${found.size - NAMED} more` : ''
  return `ids may differ from transformers': ${[...found].slice(0, NAMED).join(', ')}${more}: not checked`
}

function unchecked(place: Place, part: Json | undefined): readonly string[] {
  if (part === undefined || part === null) return []
  if (!isJsonObject(part)) return [`its ${place} is ${shown(part)}`]
  const { type, ...settings } = part
  const name = String(type)
  const parts = type === 'Sequence' ? settings[SEQUENCES[place] ?? ''] : undefined
  if (Array.isArray(parts)) return parts.flatMap(each => unchecked(place, each))
  const rows: Rows = CHECKED[place]
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined
  return row ? settingsOf(`${name} of its ${place}`, settings, row) : [`its ${place} is ${shown(type)}`]
}

function settingsOf(what: string, part: Json, row: Readonly<Record<string, Check>>): readonly string[] {
  if (!isJsonObject(part)) return [`${what} is ${shown(part)}`]
  return Object.entries(part)
    .filter(([key, value]) => !(Object.hasOwn(row, key) && row[key]?.(value)))
    .map(([key, value]) => `${what} has ${shown(key)} ${shown(value)}`)
}

/** Texts of a file may have megabytes. */
const MOST = 80

function shown(json: Json | undefined): string {
  const written = JSON.stringify(json) ?? 'nothing'
  return written.length > MOST ? `${written.slice(0, MOST)}…` : written
}
