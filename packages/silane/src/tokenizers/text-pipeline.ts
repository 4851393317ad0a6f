import { Tokenizer } from '@huggingface/tokenizers'
import { isJsonObject, type JsonObject } from '@silane/core'
import { searchedTokens, tokenSearch } from './added-tokens.ts'
import { type LibraryNormalizer, type LibraryPreTokenizer, normalizerOf, preTokenizerOf } from './align-tokenizer.ts'
import type { Piece } from './cut-text.ts'
import { type Frames, framesOf } from './frames.ts'
import { type LibraryModel, modelType, modelVocabulary, wordIds } from './word-ids.ts'

/** What a tokenizer.json does to texts and ids. */
export interface TextPipeline {
  readonly frames: Frames
  /** Ids of a text, without what stands around it. */
  ids(text: string): readonly number[]
  decode(ids: number[], options: { readonly skip_special_tokens?: boolean }): string
}

/** A decoder of the library. */
interface LibraryDecoder {
  text_decoder?: InstanceType<typeof TextDecoder>
  readonly decoders?: readonly LibraryDecoder[]
}

/** Of bytes it would leave out U+FEFF where a text begins. */
function keepMarks(decoder: LibraryDecoder | null): void {
  if (decoder?.text_decoder) decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  decoder?.decoders?.forEach(keepMarks)
}

/** Words whose ids are kept, and the characters that one may have. */
const [KEPT, SHORT] = [10_000, 256]

/**
 * Opens a tokenizer.json. Normalizers, pre-tokenizers, models and decoders are the library's where it agrees with the original, as is the
 * reading of regular expressions; what goes from one to the other are ids here, not tokens, of which two can be spelled alike.
 */
export function openPipeline(file: JsonObject, config: JsonObject): TextPipeline {
  const model = isJsonObject(file.model) ? file.model : {}
  const [type, vocabulary] = [modelType(model), modelVocabulary(model)]
  const tokens = searchedTokens(file, vocabulary)
  // Of merges it would keep what is not used.
  const light = { ...model, type, ...(type === 'BPE' ? { merges: [] } : {}) }
  const none = { normalizer: null, pre_tokenizer: null, decoder: null }
  const library = new Tokenizer({ ...none, ...file, post_processor: null, model: light, added_tokens: tokens }, config)
  const normalize = normalizerOf(library.normalizer as LibraryNormalizer | null, file.normalizer)
  const cut = preTokenizerOf(library.pre_tokenizer as LibraryPreTokenizer | null, file.pre_tokenizer)
  keepMarks(library.decoder as LibraryDecoder | null)
  const made = library.model as LibraryModel
  // It has put the added tokens there, too.
  made.tokens_to_ids = vocabulary
  const ofWord = wordIds(model, vocabulary, made)
  const asTheyAre = tokenSearch(
    tokens.filter(({ normalized }) => !normalized),
    content => content,
  )
  const normalized = tokenSearch(
    tokens.filter(token => token.normalized),
    normalize,
  )

  const known = new Map<string, readonly number[]>()
  const idsOf = ({ text }: Piece): readonly number[] => {
    const ids = known.get(text) ?? (text === '' ? [] : ofWord(text))
    if (text.length > SHORT) return ids
    if (known.size >= KEPT) known.clear()
    known.set(text, ids)
    return ids
  }
  /** What is to be made of the pieces between tokens. */
  const between =
    (make: (piece: Piece) => readonly number[]) =>
    (part: Piece | number): readonly number[] =>
      typeof part === 'number' ? [part] : make(part)
  const inner = between(piece => cut(piece).flatMap(idsOf))
  const outer = between(({ text, first }) => {
    // What is left of a text whose begin was dropped does not begin where it did.
    const begins = first && normalize(String.fromCodePoint(text.codePointAt(0) ?? 0)) !== ''
    return normalized({ text: normalize(text), first: begins }).flatMap(inner)
  })
  return {
    frames: framesOf(file.post_processor),
    ids: text => asTheyAre({ text, first: true }).flatMap(outer),
    decode: (ids, options) => library.decode(ids, options),
  }
}
