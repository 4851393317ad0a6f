import { describe, expect, test } from 'vitest'
import { applyLogitsRules, type RuleConfig } from '../src/index.ts'

const plain: RuleConfig = {
  eosTokenIds: [],
  noRepeatNgramSize: 0,
  repetitionPenalty: 1,
  suppressTokens: [],
  beginSuppressTokens: [],
  minLength: 0,
  minNewTokens: 0,
  maxLength: 20,
}

const none = Number.NEGATIVE_INFINITY

/** Scores of five tokens after the rules. */
const ruled = (ids: readonly number[], config: Partial<RuleConfig>, promptLength = 1): number[] => {
  const scores = Float32Array.from([1, -1, 2, -2, 4])
  applyLogitsRules(scores, { ids, promptLength }, { ...plain, ...config })
  return [...scores]
}

test('nothing set, nothing changed', () => {
  expect(ruled([0, 1, 0, 1], {})).toEqual([1, -1, 2, -2, 4])
})

test('repetition: what occurred loses, whatever its sign, once', () => {
  expect(ruled([4, 3, 4], { repetitionPenalty: 2 })).toEqual([1, -1, 2, -4, 2])
})

describe('no repeated n-gram', () => {
  test.each([
    ['bigram', [0, 1, 2, 0], 2, [1, none, 2, -2, 4]],
    ['two ways to go on', [0, 1, 0, 2, 0], 2, [1, none, none, -2, 4]],
    ['trigram', [0, 1, 2, 0, 1], 3, [1, -1, none, -2, 4]],
    ['its first tokens alone', [0, 1, 2, 3, 1], 3, [1, -1, 2, -2, 4]],
    ['single tokens', [4, 2], 1, [1, -1, none, -2, none]],
    ['too short to repeat', [0], 3, [1, -1, 2, -2, 4]],
    ['overlapping itself', [3, 3], 2, [1, -1, 2, none, 4]],
  ])('%s', (_, ids, noRepeatNgramSize, expected) => {
    expect(ruled(ids, { noRepeatNgramSize })).toEqual(expected)
  })
})

test('minimum length counts the prompt, minimum of new tokens does not', () => {
  const ended = [1, none, 2, -2, none]
  expect(ruled([0, 0], { eosTokenIds: [1, 4], minLength: 3 })).toEqual(ended)
  expect(ruled([0, 0, 0], { eosTokenIds: [1, 4], minLength: 3 })).toEqual([1, -1, 2, -2, 4])
  expect(ruled([0, 0, 0], { eosTokenIds: [1, 4], minNewTokens: 2 }, 2)).toEqual(ended)
  expect(ruled([0, 0, 0, 0], { eosTokenIds: [1, 4], minNewTokens: 2 }, 2)).toEqual([1, -1, 2, -2, 4])
})

test('suppressed tokens; some only at the beginning', () => {
  const config = { suppressTokens: [0, 99], beginSuppressTokens: [4] }
  expect(ruled([0, 1], config, 2)).toEqual([none, -1, 2, -2, none])
  expect(ruled([0, 1, 2], config, 2)).toEqual([none, -1, 2, -2, 4])
})

test('a forced first token comes after the start token alone', () => {
  expect(ruled([2], { forcedBosTokenId: 0 })).toEqual([0, none, none, none, none])
  expect(ruled([2, 0], { forcedBosTokenId: 0 })).toEqual([1, -1, 2, -2, 4])
})

test('a forced last token takes the last place', () => {
  expect(ruled([2, 0, 1], { forcedEosTokenId: 3, maxLength: 4 })).toEqual([none, none, none, 0, none])
  expect(ruled([2, 0], { forcedEosTokenId: 3, maxLength: 4 })).toEqual([1, -1, 2, -2, 4])
})

test('later rules overrule earlier ones', () => {
  const config = { eosTokenIds: [3], minLength: 10, forcedEosTokenId: 3, suppressTokens: [3], maxLength: 3 }
  expect(ruled([2, 0], config)).toEqual([none, none, none, 0, none])
})
