import { type Checkpoint, errors } from '@silane/core'

/** Where a tokenizer has no maximum, transformers writes int(1e30). */
const NO_MAXIMUM = 1e9

/** The smallest maximum that a tokenizer or sentence-transformers wrote. Throws E_CONFIG where one is no number of tokens. */
export function tokenLimit({ json, location: where }: Pick<Checkpoint, 'json' | 'location'>): number | undefined {
  const limit = (file: string, key: string): number => {
    const settings = json(file)
    const value = typeof settings === 'object' && settings !== null && key in settings ? Reflect.get(settings, key) : undefined
    if (value === undefined || value === null) return Number.POSITIVE_INFINITY
    if (typeof value !== 'number' || !(value >= 1)) throw errors.E_CONFIG({ file, field: key, problem: 'is no number of tokens', where })
    return value < NO_MAXIMUM ? Math.floor(value) : Number.POSITIVE_INFINITY
  }
  const least = Math.min(limit('tokenizer_config.json', 'model_max_length'), limit('sentence_bert_config.json', 'max_seq_length'))
  return Number.isFinite(least) ? least : undefined
}
