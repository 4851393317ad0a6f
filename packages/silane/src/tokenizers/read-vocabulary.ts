import { type Checkpoint, isJsonObject } from '@silane/core'
import { errors } from './errors.ts'
import { MAX_ENTRIES } from './read-text-file.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The largest id: the decoders keep a place for each. */
const MAX_ID = 16_000_000

/** vocab.json, added_tokens.json: ids by tokens, each id once. */
export function readVocabulary(checkpoint: Checkpoint, file: string): Vocabulary {
  const refuse = (problem: string) => errors.E_VOCABULARY({ file, problem, where: checkpoint.location })
  const json = checkpoint.json(file)
  if (!isJsonObject(json)) throw refuse('it is no object of ids by tokens')
  const entries = Object.entries(json)
  if (entries.length > MAX_ENTRIES) throw refuse(`it has ${entries.length} tokens, and ${MAX_ENTRIES} are the most`)
  const vocabulary = new Map<string, number>()
  const tokens = new Map<number, string>()
  for (const [token, id] of entries) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > MAX_ID)
      throw refuse(`the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}, no whole number from 0 to ${MAX_ID}`)
    const other = tokens.get(id)
    if (other !== undefined) throw refuse(`${JSON.stringify(other)} and ${JSON.stringify(token)} both have the id ${id}`)
    vocabulary.set(token, id)
    tokens.set(id, token)
  }
  return vocabulary
}
