import { type Checkpoint, isJsonObject, type Json, type JsonObject } from '@silane/core'
import type { Overruling } from './overrule-tokenizer.ts'

const CONFIG = 'sentence_bert_config.json'

/** sentence-transformers puts lower case in front of what a tokenizer does, where it is asked to and the tokenizer has none. */
export function lowerSentences(file: JsonObject, checkpoint: Checkpoint): Overruling {
  const same = { file, laid: [], left: [] }
  const config = checkpoint.json(CONFIG)
  const lower = isJsonObject(config) ? (config.do_lower_case ?? false) : false
  if (lower === false || hasLower(file.normalizer)) return same
  if (lower !== true) return { ...same, left: [`do_lower_case of ${CONFIG} is neither true nor false`] }
  return { ...same, file: { ...file, normalizer: inFront(file.normalizer ?? null) }, laid: [`do_lower_case is true by ${CONFIG}`] }
}

const hasLower = (normalizer: Json | undefined): boolean =>
  isJsonObject(normalizer) &&
  (normalizer.type === 'Lowercase' ||
    normalizer.lowercase === true ||
    (Array.isArray(normalizer.normalizers) && normalizer.normalizers.some(hasLower)))

function inFront(own: Json): JsonObject {
  const steps = !isJsonObject(own) ? [] : own.type === 'Sequence' && Array.isArray(own.normalizers) ? own.normalizers : [own]
  return { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, ...steps] }
}
