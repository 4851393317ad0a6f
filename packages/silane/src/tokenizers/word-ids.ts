import { isJsonObject, type Json, type JsonObject } from '@silane/core'
import { byteIds, bytePairs } from './byte-pairs.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The library's model of a tokenizer.json. */
export interface LibraryModel {
  /** Tokens of words. */
  encode(words: string[]): string[]
  tokens_to_ids: Vocabulary
  /** Unigram alone: the score of each token. */
  scores?: number[]
}

type WordIds = (word: string) => readonly number[]

/** What a tokenizer.json's model is; files of old do not say it (`ModelUntagged`). */
export function modelType(model: JsonObject): string {
  if (typeof model.type === 'string') return model.type
  if (model.merges !== undefined) return 'BPE'
  return Array.isArray(model.vocab) ? 'Unigram' : model.continuing_subword_prefix === undefined ? 'WordLevel' : 'WordPiece'
}

/** Ids by tokens: without those that were added, which the library puts among them. */
export function modelVocabulary({ vocab }: JsonObject): Vocabulary {
  if (Array.isArray(vocab)) return new Map(vocab.map((entry, id) => [Array.isArray(entry) ? String(entry[0]) : '', id]))
  if (!isJsonObject(vocab)) throw new Error('its model has no vocabulary')
  // An id that is no number is refused where it is used.
  return new Map(Object.entries(vocab) as [string, number][])
}

const models: Readonly<Record<string, (settings: JsonObject, vocabulary: Vocabulary, model: LibraryModel) => WordIds>> = {
  BPE: bytePairs,
  WordLevel: ({ unk_token }, vocabulary) => {
    const unknown = unknownId(unk_token, vocabulary)
    return word => [vocabulary.get(word) ?? unknown()]
  },
  WordPiece: ({ unk_token }, vocabulary, model) => {
    const unknown = unknownId(unk_token, vocabulary)
    return word => model.encode([word]).map(token => (token === unk_token ? unknown() : (vocabulary.get(token) as number)))
  },
  Unigram: unigram,
}

/** The ids of a word. Throws where it has none. */
export function wordIds(settings: JsonObject, vocabulary: Vocabulary, model: LibraryModel): WordIds {
  const make = models[modelType(settings)]
  if (!make) throw new Error(`unknown model: ${modelType(settings)}`)
  return make(settings, vocabulary, model)
}

const unknownId = (token: Json | undefined, vocabulary: Vocabulary) => (): number => {
  const id = typeof token === 'string' ? vocabulary.get(token) : undefined
  if (id === undefined) throw new Error('a word is unknown, and the vocabulary has no unknown token')
  return id
}

/** Unknown tokens in a row are one: the bytes of all of them, or else the unknown token. */
function unigram({ unk_id, byte_fallback, vocab }: JsonObject, vocabulary: Vocabulary, model: LibraryModel): WordIds {
  const unknown = typeof unk_id === 'number' ? unk_id : undefined
  // The library gives the unknown token another score, also where it stands in the text.
  const entry = unknown === undefined || !Array.isArray(vocab) ? undefined : vocab[unknown]
  if (model.scores && unknown !== undefined && Array.isArray(entry) && typeof entry[1] === 'number') model.scores[unknown] = entry[1]
  return word => {
    const ids: number[] = []
    let waiting = ''
    const flush = (): void => {
      const bytes = waiting !== '' && byte_fallback === true && !vocabulary.has(waiting) ? byteIds(waiting, vocabulary) : undefined
      if (bytes) ids.push(...bytes)
      else if (waiting !== '') {
        if (unknown === undefined) throw new Error('a word is unknown, and there is no unknown token')
        ids.push(vocabulary.get(waiting) ?? unknown)
      }
      waiting = ''
    }
    for (const token of model.encode([word])) {
      const id = vocabulary.get(token) ?? unknown
      if (id === undefined || id === unknown) waiting += token
      else {
        flush()
        ids.push(id)
      }
    }
    flush()
    return ids
  }
}
