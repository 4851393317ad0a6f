import { describe, expect, test } from 'vitest'
import { type GenerationSettings, logitsRules, type Situation } from '../src/index.ts'

const none = Number.NEGATIVE_INFINITY

const plain: Situation = {
  promptLength: 1,
  maxLength: 20,
  vocabulary: 5,
  eosTokenIds: [],
  forcedFirst: false,
  source: undefined,
  keep: 1,
}

const start = [1, -1, 2, -2, 4]

/** Scores of five tokens after the rules. */
function ruled(
  ids: readonly number[],
  settings: GenerationSettings,
  at: Partial<Situation> = {},
  scores: readonly number[] = start,
): number[] {
  const changed = Float32Array.from(scores)
  logitsRules(settings, { ...plain, ...at }, (key, problem) => new RangeError(`${key} ${problem}`) as never)(changed, ids)
  return [...changed]
}

test('nothing set, nothing changed', () => {
  expect(ruled([0, 1, 0, 1], {})).toEqual(start)
})

test('repetition: what occurred loses, whatever its sign, once', () => {
  expect(ruled([4, 3, 4], { repetition_penalty: 2 })).toEqual([1, -1, 2, -4, 2])
})

test('repetition of what the encoder read gains', () => {
  expect(ruled([2], { encoder_repetition_penalty: 2 }, { source: [4, 3, 4] })).toEqual([1, -1, 2, -1, 8])
  expect(ruled([2], { encoder_repetition_penalty: 2 })).toEqual(start)
})

describe('no repeated n-gram', () => {
  const cases: [string, number[], number, number[]][] = [
    ['bigram', [0, 1, 2, 0], 2, [1, none, 2, -2, 4]],
    ['two ways to go on', [0, 1, 0, 2, 0], 2, [1, none, none, -2, 4]],
    ['trigram', [0, 1, 2, 0, 1], 3, [1, -1, none, -2, 4]],
    ['its first tokens alone', [0, 1, 2, 3, 1], 3, start],
    ['single tokens', [4, 2], 1, [1, -1, none, -2, none]],
    ['too short to repeat', [0], 3, start],
    ['overlapping itself', [3, 3], 2, [1, -1, 2, none, 4]],
  ]
  test.each(cases)('%s', (_, ids, no_repeat_ngram_size, expected) => {
    expect(ruled(ids, { no_repeat_ngram_size })).toEqual(expected)
  })

  test('of what the encoder read', () => {
    const settings = { encoder_no_repeat_ngram_size: 2 }
    expect(ruled([3, 0], settings, { source: [0, 1, 0, 4] })).toEqual([1, none, 2, -2, none])
    expect(ruled([0, 1, 0], settings, { source: [2, 3] })).toEqual(start)
  })
})

describe('biased sequences', () => {
  test('a token, and the last token of a sequence that is there but for it', () => {
    const sequence_bias = [
      { ids: [1], bias: 3 },
      { ids: [2, 0, 4], bias: -1.5 },
      { ids: [0, 4], bias: -0.5 },
    ]
    expect(ruled([2, 0], { sequence_bias })).toEqual([1, 2, 2, -2, 2])
    expect(ruled([1, 2], { sequence_bias })).toEqual([1, 2, 2, -2, 4])
    expect(ruled([0], { sequence_bias })).toEqual([1, 2, 2, -2, 3.5])
  })

  test('the last of two for one sequence counts', () => {
    const sequence_bias = [2, 5].map(bias => ({ ids: [0], bias }))
    expect(ruled([2], { sequence_bias })).toEqual([6, -1, 2, -2, 4])
  })

  test('bad words do not come, but an end may', () => {
    const bad_words_ids = [[3], [1], [2, 4]]
    expect(ruled([2], { bad_words_ids }, { eosTokenIds: [3] })).toEqual([1, none, 2, -2, none])
    expect(ruled([0], { bad_words_ids })).toEqual([1, none, 2, none, 4])
  })

  test('are made of ids that the model has', () => {
    expect(() => ruled([0], { bad_words_ids: [[1, 5]] })).toThrow(
      'bad_words_ids has 5, which is no token of this model, whose ids are 0 to 4',
    )
    expect(() => ruled([0], { sequence_bias: [{ ids: [7], bias: 1 }] })).toThrow('sequence_bias has 7')
    expect(() => ruled([0], { forced_bos_token_id: [5] })).toThrow('forced_bos_token_id has 5')
    expect(() => ruled([0], { forced_eos_token_id: [4, 6] })).toThrow('forced_eos_token_id has 6')
  })
})

test('minimum length counts the prompt, minimum of new tokens does not', () => {
  const ended = [1, none, 2, -2, none]
  const at = { eosTokenIds: [1, 4] }
  expect(ruled([0, 0], { min_length: 3 }, at)).toEqual(ended)
  expect(ruled([0, 0, 0], { min_length: 3 }, at)).toEqual(start)
  expect(ruled([0, 0, 0], { min_new_tokens: 2 }, { ...at, promptLength: 2 })).toEqual(ended)
  expect(ruled([0, 0, 0, 0], { min_new_tokens: 2 }, { ...at, promptLength: 2 })).toEqual(start)
})

describe('suppressed tokens', () => {
  const settings = { suppress_tokens: [0, 99, -1], begin_suppress_tokens: [4] }

  test('some only at the beginning', () => {
    expect(ruled([0, 1], settings, { promptLength: 2 })).toEqual([none, -1, 2, -2, none])
    expect(ruled([0, 1, 2], settings, { promptLength: 2 })).toEqual([none, -1, 2, -2, 4])
  })

  test('the beginning is behind a forced first token, where there is room for one', () => {
    expect(ruled([0], settings, { forcedFirst: true })).toEqual([none, -1, 2, -2, 4])
    expect(ruled([0, 1], settings, { forcedFirst: true })).toEqual([none, -1, 2, -2, none])
    expect(ruled([0, 1], settings, { forcedFirst: true, promptLength: 2 })).toEqual([none, -1, 2, -2, none])
  })
})

test('a forced first token comes after the start token alone', () => {
  expect(ruled([2], { forced_bos_token_id: [0] })).toEqual([0, none, none, none, none])
  expect(ruled([2, 0], { forced_bos_token_id: [0] })).toEqual(start)
})

test('a forced last token takes the last place; of several any may', () => {
  expect(ruled([2, 0, 1], { forced_eos_token_id: [3] }, { maxLength: 4 })).toEqual([none, none, none, 0, none])
  expect(ruled([2, 0, 1], { forced_eos_token_id: [3, 0] }, { maxLength: 4 })).toEqual([0, none, none, 0, none])
  expect(ruled([2, 0], { forced_eos_token_id: [3] }, { maxLength: 4 })).toEqual(start)
})

test('the urge to end grows with every token, whatever the sign of the score', () => {
  const settings = { exponential_decay_length_penalty: [2, 2] as const }
  const at = { eosTokenIds: [1, 2], promptLength: 1 }
  expect(ruled([0, 0, 0], settings, at)).toEqual(start)
  expect(ruled([0, 0, 0, 0], settings, at)).toEqual([1, 0, 4, -2, 4])
  expect(ruled([0, 0, 0, 0, 0], settings, at)).toEqual([1, 2, 8, -2, 4])
  expect(ruled([0, 0, 0, 0, 0], { ...settings, min_length: 9 }, at)).toEqual([1, none, none, -2, 4])
  expect(() => ruled([0], settings)).toThrow('exponential_decay_length_penalty needs an eos_token_id')
})

test('what is no finite number becomes one', () => {
  const largest = 3.4028234663852886e38
  const scores = [Number.NaN, none, Number.POSITIVE_INFINITY, 1, 2]
  expect(ruled([0], { remove_invalid_values: true }, {}, scores)).toEqual([0, -largest, largest, 1, 2])
  expect(ruled([0], { remove_invalid_values: false }, {}, scores)).toEqual(scores)
})

test('later rules overrule earlier ones, in the order of transformers', () => {
  const at = { eosTokenIds: [3], maxLength: 3 }
  expect(ruled([2, 0], { min_length: 10, forced_eos_token_id: [3] }, at)).toEqual([none, none, none, 0, none])
  expect(ruled([2, 0], { suppress_tokens: [3], forced_eos_token_id: [3, 1] }, at)).toEqual([none, 0, none, none, none])
  // A bias is there before the penalty looks at the sign.
  expect(ruled([1], { repetition_penalty: 2, sequence_bias: [{ ids: [1], bias: 3 }] })).toEqual([1, 1, 2, -2, 4])
})

describe('filters of sampling', () => {
  /** Scores whose softmax is these probabilities, as transformers filters them. */
  const kept = (settings: GenerationSettings, probabilities: readonly number[] = [0.5, 0.3, 0.15, 0.04, 0.01], keep = 1) =>
    ruled([0], { do_sample: true, top_k: 0, ...settings }, { keep }, probabilities.map(Math.log)).flatMap((score, id) =>
      score > none ? [id] : [],
    )
  const everything = [0, 1, 2, 3, 4]

  test('count only where tokens are drawn', () => {
    expect(ruled([0], { top_k: 1, temperature: 2 })).toEqual(start)
    expect(kept({})).toEqual(everything)
  })

  test('50 tokens are left where nothing is said', () => {
    const scores = Float32Array.from({ length: 60 }, (_, id) => id)
    logitsRules({ do_sample: true }, { ...plain, vocabulary: 60 }, () => expect.unreachable())(scores, [0])
    expect(scores.findIndex(score => score > none)).toBe(10)
  })

  test('temperature', () => {
    expect(ruled([0], { do_sample: true, temperature: 0.5 })).toEqual([2, -2, 4, -4, 8])
  })

  test('top-k, and what equals the least of them', () => {
    expect(kept({ top_k: 2 })).toEqual([0, 1])
    expect(kept({ top_k: 2 }, [0.4, 0.2, 0.2, 0.1, 0.1])).toEqual([0, 1, 2])
    expect(kept({ top_k: 1 }, undefined, 3)).toEqual([0, 1, 2])
    expect(kept({ top_k: 9 })).toEqual(everything)
  })

  test('top-p', () => {
    expect(kept({ top_p: 0.79 })).toEqual([0, 1])
    expect(kept({ top_p: 0.81 })).toEqual([0, 1, 2])
    expect(kept({ top_p: 0 })).toEqual([0])
    expect(kept({ top_p: 0 }, undefined, 2)).toEqual([0, 1])
    expect(kept({ top_p: 1 })).toEqual(everything)
    expect(kept({ top_p: 0.6, top_k: 2 })).toEqual([0])
  })

  test('min-p', () => {
    expect(kept({ min_p: 0.25 })).toEqual([0, 1, 2])
    expect(kept({ min_p: 1 })).toEqual([0])
    expect(kept({ min_p: 1 }, undefined, 2)).toEqual([0, 1])
  })

  test('typical: the surest may be too sure', () => {
    // Entropy 1.13: the surprise of 0.3, 1.2, is nearest, then 0.5's, 0.69, then 0.15's, 1.9.
    expect(kept({ typical_p: 0.29 })).toEqual([1])
    expect(kept({ typical_p: 0.31 })).toEqual([0, 1])
    expect(kept({ typical_p: 0.81 })).toEqual([0, 1, 2])
    expect(kept({ typical_p: 1 })).toEqual(everything)
    expect(kept({ typical_p: 0.1 }, [0.5, 0.5, 0, 0, 0])).toEqual([0, 1])
  })

  test('cutoffs', () => {
    expect(kept({ epsilon_cutoff: 0.05 })).toEqual([0, 1, 2])
    expect(kept({ epsilon_cutoff: 0.9 })).toEqual([0])
    expect(kept({ epsilon_cutoff: 0.9 }, undefined, 2)).toEqual([0, 1])
    expect(kept({ epsilon_cutoff: 0 })).toEqual(everything)
    // √0.2 · e^−1.13 = 0.144
    expect(kept({ eta_cutoff: 0.2 })).toEqual([0, 1, 2])
    expect(kept({ eta_cutoff: 0.02 })).toEqual([0, 1, 2, 3])
  })

  test('share of the entropy', () => {
    expect(kept({ top_h: 0.1 })).toEqual([0])
    // Terms 0.347, 0.361, 0.285, 0.129, 0.046 of 1.167.
    expect(kept({ top_h: 0.62 })).toEqual([0, 1])
    expect(kept({ top_h: 0.86 })).toEqual([0, 1, 2])
  })

  test('log probabilities again', () => {
    const [a, b] = ruled([0], { do_sample: true, top_k: 2, renormalize_logits: true }, {}, [0.5, 0.3, 0.1, 0.05, 0.05].map(Math.log))
    expect(a).toBeCloseTo(Math.log(0.625), 5)
    expect(b).toBeCloseTo(Math.log(0.375), 5)
  })
})
