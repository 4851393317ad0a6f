import { describe, expect, test } from 'vitest'
import { generationConfig } from '../src/generate/generation-config.ts'

describe('precedence', () => {
  const config = { num_beams: 2, length_penalty: 0.5, min_length: 3, max_length: 50, eos_token_id: 9 }
  const generation = { num_beams: 4, length_penalty: 2, max_length: null }

  test('the call, then generation_config.json, then config.json, then the defaults', () => {
    expect(generationConfig([generation, config], { beams: 8 }, 1)).toMatchObject({
      beams: 8,
      lengthPenalty: 2,
      minLength: 3,
      maxLength: 50,
      eosTokenIds: [9],
      noRepeatNgramSize: 0,
    })
    expect(generationConfig([generation, config], {}, 1).beams).toBe(4)
    expect(generationConfig([undefined, config], {}, 1).beams).toBe(2)
  })

  test('a value of the call counts even where it is false or 0', () => {
    const file = { do_sample: true, top_k: 7 }
    expect(generationConfig([file], { doSample: false, topK: 0 }, 1)).toMatchObject({ doSample: false, topK: 0 })
  })
})

test('the defaults are transformers’', () => {
  expect(generationConfig([], {}, 1)).toEqual({
    decoderStartTokenId: undefined,
    eosTokenIds: [],
    forcedBosTokenId: undefined,
    forcedEosTokenId: undefined,
    noRepeatNgramSize: 0,
    repetitionPenalty: 1,
    suppressTokens: [],
    beginSuppressTokens: [],
    minLength: 0,
    minNewTokens: 0,
    maxLength: 21,
    beams: 1,
    lengthPenalty: 1,
    earlyStopping: false,
    doSample: false,
    temperature: 1,
    topK: 50,
    topP: 1,
  })
})

test('new tokens count on top of the prompt and beat a maximum length', () => {
  expect(generationConfig([{ max_length: 30 }], { maxNewTokens: 8 }, 5).maxLength).toBe(13)
  expect(generationConfig([{ max_length: 30, max_new_tokens: 4 }], {}, 5).maxLength).toBe(9)
  expect(generationConfig([{ max_length: 30 }], {}, 5).maxLength).toBe(30)
})

test('without a length, 20 new tokens, as far as the positions and the cache go', () => {
  expect(generationConfig([{}, {}], {}, 25).maxLength).toBe(45)
  expect(generationConfig([{ max_length: null, max_new_tokens: null }], {}, 25).maxLength).toBe(45)
  expect(generationConfig([{}, { max_position_embeddings: 40 }], {}, 25).maxLength).toBe(40)
  expect(generationConfig([{}, { n_positions: 40 }], {}, 25, 33).maxLength).toBe(33)
  // What was asked for is not cut: it fits or is an error.
  expect(generationConfig([{ max_length: 50 }], {}, 25, 33).maxLength).toBe(50)
  expect(generationConfig([{ max_new_tokens: 30 }, { n_positions: 40 }], {}, 25, 33).maxLength).toBe(55)
})

test('a maximum that the prompt reaches by itself is an error', () => {
  const config = (maxLength: number, prompt: number) => () => generationConfig([{ max_length: maxLength }], {}, prompt)
  expect(config(30, 30)).toThrow(expect.objectContaining({ code: 'E_MAX_LENGTH', exitCode: 2 }))
  expect(config(30, 31)).toThrow(expect.objectContaining({ code: 'E_MAX_LENGTH' }))
  expect(config(30, 29)().maxLength).toBe(30)
  // 20 written down is a length like any other.
  expect(config(20, 20)).toThrow(expect.objectContaining({ code: 'E_MAX_LENGTH' }))
  expect(config(20, 19)().maxLength).toBe(20)
})

test('ids: one or several ends, a start that falls back to bos, a forced bos in both spellings', () => {
  expect(generationConfig([{ eos_token_id: [1, 2] }], {}, 1).eosTokenIds).toEqual([1, 2])
  expect(generationConfig([{ bos_token_id: 5 }], {}, 1).decoderStartTokenId).toBe(5)
  expect(generationConfig([{ bos_token_id: 5, decoder_start_token_id: 0 }], {}, 1).decoderStartTokenId).toBe(0)
  expect(generationConfig([{ bos_token_id: 5, force_bos_token_to_be_generated: true }], {}, 1).forcedBosTokenId).toBe(5)
  expect(generationConfig([{ forced_bos_token_id: 6, forced_eos_token_id: 7 }], {}, 1)).toMatchObject({
    forcedBosTokenId: 6,
    forcedEosTokenId: 7,
  })
})

test('early stopping is true, false or "never"', () => {
  const early = (value: boolean | string) => generationConfig([{ early_stopping: value }], {}, 1).earlyStopping
  expect([early(true), early(false), early('never'), early('always')]).toEqual([true, false, 'never', false])
})
