import { describe, expect, test } from 'vitest'
import { type Json, logitsRules, readGenerationSettings } from '../src/index.ts'

const MANY = 60_000
const ids = Array.from({ length: MANY }, (_, id) => id)

const read = (values: Readonly<Record<string, Json>>) => readGenerationSettings([{ file: 'generation_config.json', location: '/', values }])

describe('lists of a file', () => {
  test('are compared in one pass', () => {
    expect(() => read({ forced_bos_token_id: ids.toReversed(), suppress_tokens: ids })).toThrow(
      'forced_bos_token_id: has nothing that suppress_tokens does not rule out',
    )
    const situation = {
      promptLength: 1,
      maxLength: 20,
      vocabulary: MANY,
      eosTokenIds: ids,
      forcedFirst: false,
      source: undefined,
      keep: 1,
    }
    const rules = logitsRules({ bad_words_ids: ids.toReversed().map(id => [id]) }, situation, expect.unreachable)
    const scores = new Float32Array(MANY).fill(1)
    rules(scores, [0])
    expect(scores.every(score => score === 1)).toBe(true)
  }, 3_000)

  test('have as many entries as a vocabulary has tokens, with those of their lists', () => {
    const pairs = Array.from({ length: 2 ** 18 }, (): Json => [7, 8, 9])
    expect(read({ bad_words_ids: pairs }).settings.bad_words_ids).toHaveLength(pairs.length)
    expect(() => read({ bad_words_ids: [...pairs, [7]] })).toThrow(
      'generation_config.json: bad_words_ids: holds more than 1048576 numbers and lists',
    )
  })

  test('of ends are short', () => {
    expect(read({ eos_token_id: ids.slice(0, 256) }).settings.eos_token_id).toHaveLength(256)
    expect(() => read({ eos_token_id: ids.slice(0, 257) })).toThrow('must be a whole number, or a list of up to 256 of them')
  })
})
