import { type Checkpoint, isJsonObject, isSilaneError, type JsonObject, type TokenizerSource } from '@silane/core'
import { lowerSentences } from './lower-sentences.ts'
import { overruleTokens } from './overrule-tokens.ts'
import { overruleWords } from './overrule-words.ts'

/** What lies over a tokenizer.json. */
export interface Overruling {
  /** The file with it; the one that was given where it says the same already. */
  readonly file: JsonObject
  /** What was changed, and what says so. */
  readonly laid: readonly string[]
  /** What was not, and why ids may differ. */
  readonly left: readonly string[]
}

/** The class that transformers opens a tokenizer.json with. */
export type TokenizerClass =
  /** One that the plugin lists: its defaults are known. */
  | { readonly is: 'listed'; readonly source: TokenizerSource }
  /** One without defaults and settings of its own. The newer one takes the file as it is. */
  | { readonly is: 'generic'; readonly newer: boolean }
  | { readonly is: 'other'; readonly name: string | undefined }

export interface OpenedWith {
  readonly checkpoint: Checkpoint
  /** tokenizer_config.json, or empty. */
  readonly config: JsonObject
  readonly opened: TokenizerClass
}

interface Overruled {
  /** Undefined where the file stays as it is. */
  readonly file?: JsonObject
  readonly notes: readonly string[]
}

/**
 * A tokenizer.json as transformers has it once it is open. The classes read the settings beside it, and where these say something else,
 * they count: case, accents and ideographs of word pieces, the space in front, more tokens. Apps and `generate` read tokenizer.json alone,
 * so that the one that is written has to say it. `sentence`: its texts are embedded by sentence-transformers.
 */
export function overruleTokenizer(
  checkpoint: Checkpoint,
  source: TokenizerSource | undefined,
  { sentence, prefix }: { readonly sentence: boolean; readonly prefix: string },
): Overruled {
  // Bytes have no fast class, and their class reads no tokenizer.json.
  if (source?.kind === 'bytes') return { notes: [] }
  try {
    const [given, settings] = [checkpoint.json('tokenizer.json'), checkpoint.json('tokenizer_config.json') ?? {}]
    // What is no tokenizer is refused where it is opened.
    if (!isJsonObject(given) || !isJsonObject(given.model) || !isJsonObject(settings)) return { notes: [] }
    const opened = { checkpoint, config: settings, opened: openedWith(checkpoint, settings, source) }
    // In the order of the classes: tokens, words, and then what sentence-transformers puts in front.
    const tokens = overruleTokens(given, opened)
    const words = overruleWords(tokens.file, opened)
    const sentences = sentence ? lowerSentences(words.file, checkpoint) : { file: words.file, laid: [], left: [] }
    const { file } = sentences
    const laid = [...tokens.laid, ...words.laid, ...sentences.laid]
    const left = [...tokens.left, ...words.left, ...sentences.left, ...capitals(given, file), ...split(settings)]
    return {
      ...(laid.length > 0 ? { file } : {}),
      notes: [
        ...(laid.length > 0 ? [`${prefix}tokenizer.json was changed to what transformers 4 makes of it: ${few(laid)}`] : []),
        ...(left.length > 0 ? [`ids of ${prefix}tokenizer.json may differ from those of transformers: ${few(left)}`] : []),
      ],
    }
  } catch (error) {
    // What is broken here did not hinder the file beside it so far.
    if (!isSilaneError(error)) throw error
    return { notes: [`${prefix}tokenizer.json is as the checkpoint has it, and ids may differ from those of transformers: ${error.what}`] }
  }
}

/** In the order of AutoTokenizer. Where no file names a class, it is the family's. */
function openedWith(checkpoint: Checkpoint, settings: JsonObject, source: TokenizerSource | undefined): TokenizerClass {
  const named = [settings.tokenizer_class, checkpoint.config.tokenizer_class].find(name => typeof name === 'string')
  if (typeof named === 'string') {
    const name = named.replace(/Fast$/, '')
    if (name === 'PreTrainedTokenizer' || name === 'TokenizersBackend') return { is: 'generic', newer: name === 'TokenizersBackend' }
    if (!source?.classes.includes(name)) return { is: 'other', name: named }
  }
  return source ? { is: 'listed', source } : { is: 'other', name: undefined }
}

/** Enough of a list for a report: a checkpoint may have thousands of tokens. */
const few = (all: readonly string[]): string => {
  const shown = all.slice(0, 8)
  return [...shown, ...(all.length > shown.length ? [`and ${all.length - shown.length} more`] : [])].join('; ')
}

/** Tokens that are looked for in normalized text are normalized themselves, by the file's normalizer until it is saved and opened again. */
function capitals(before: JsonObject, after: JsonObject): string[] {
  if (before.normalizer === after.normalizer || !Array.isArray(after.added_tokens)) return []
  const found = after.added_tokens.filter(isJsonObject).find(({ content, normalized }) => {
    return normalized === true && typeof content === 'string' && content !== content.toLowerCase()
  })
  return found
    ? [
        `${JSON.stringify(found.content)} and other added tokens are looked for in normalized text, as if the tokenizer had been saved again`,
      ]
    : []
}

const split = ({ split_special_tokens: splits }: JsonObject): string[] =>
  splits === true
    ? ['split_special_tokens of tokenizer_config.json is true, and special tokens that stand in a text are taken as one token all the same']
    : []
