import type { Checkpoint, JsonObject, TokenizerSource } from '@silane/core'
import { addTokens } from './add-tokens.ts'
import { byteCharacters } from './byte-characters.ts'
import { placeSpecialTokens, requireToken } from './place-special-tokens.ts'
import { readMerges } from './read-merges.ts'
import { readSettings, type TokenizerSettings } from './read-settings.ts'
import { readVocabulary } from './read-vocabulary.ts'
import { readWordList } from './read-word-list.ts'
import type { Vocabulary } from './vocabulary.ts'

interface BuiltTokenizer {
  /** tokenizer.json, as the fast class in transformers saves it. */
  readonly file: JsonObject
  readonly settings: TokenizerSettings
}

/**
 * Makes the tokenizer.json of a folder that has a vocabulary (transformers' `convert_slow_tokenizer.py`). Throws E_VOCABULARY, E_MERGES,
 * E_TOKENIZER_SETTINGS and E_SPECIAL_TOKEN.
 */
export function buildTokenizer(checkpoint: Checkpoint, source: TokenizerSource): BuiltTokenizer {
  const settings = readSettings(checkpoint, source)
  const { vocabulary, ...parts } = builders[source.kind](checkpoint, source, settings)
  const added = addTokens(vocabulary, settings)
  const post_processor = placeSpecialTokens(source.around, { vocabulary, settings, where: checkpoint.location })
  const { normalizer, pre_tokenizer, decoder, model } = parts
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map(token => ({ ...token })),
    normalizer,
    pre_tokenizer,
    post_processor,
    decoder,
    model,
  }
  return { file, settings }
}

interface Parts {
  readonly vocabulary: Vocabulary
  readonly normalizer: JsonObject | null
  readonly pre_tokenizer: JsonObject
  readonly decoder: JsonObject
  readonly model: JsonObject
}

type Build = (checkpoint: Checkpoint, source: TokenizerSource, settings: TokenizerSettings) => Parts

const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }

const bytePairModel = (vocabulary: Vocabulary, merges: readonly (readonly [string, string])[]): JsonObject => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: '',
  end_of_word_suffix: '',
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  vocab: Object.fromEntries(vocabulary),
  merges,
})

const builders: Readonly<Record<TokenizerSource['kind'], Build>> = {
  wordpiece: (checkpoint, { lowercase = false }, settings) => {
    const vocabulary = readWordList(checkpoint, 'vocab.txt')
    // Every word that is none of the vocabulary's becomes this one.
    const { content: unk_token } = requireToken('unk', { vocabulary, settings, where: checkpoint.location })
    const accents = settings.config.strip_accents ?? null
    return {
      vocabulary,
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: settings.flag('tokenize_chinese_chars', true),
        strip_accents: accents === null ? null : settings.flag('strip_accents', false),
        lowercase: settings.flag('do_lower_case', lowercase),
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token,
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(vocabulary),
      },
    }
  },
  'byte-level-bpe': (checkpoint, _, settings) => {
    const vocabulary = readVocabulary(checkpoint, 'vocab.json')
    return {
      vocabulary,
      normalizer: null,
      pre_tokenizer: { ...byteLevel, add_prefix_space: settings.flag('add_prefix_space', false) },
      decoder: byteLevel,
      model: bytePairModel(vocabulary, readMerges(checkpoint, 'merges.txt', vocabulary)),
    }
  },
  // Byte pairs that are never joined: the letters of the bytes are the vocabulary, and text is not split into words.
  bytes: (_, { tokens }) => {
    const special = Object.values(tokens).flatMap(({ content }) => content ?? [])
    const vocabulary = new Map([...special, ...byteCharacters].map((token, id) => [token, id]))
    return {
      vocabulary,
      normalizer: null,
      pre_tokenizer: { ...byteLevel, add_prefix_space: false, use_regex: false },
      decoder: byteLevel,
      model: bytePairModel(vocabulary, []),
    }
  },
}
