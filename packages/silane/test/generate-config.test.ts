import { describe, expect, test } from 'vitest'
import { beginning, type GenerationFiles, generationSettings, longestSequence, promptOf } from '../src/generate/generation-config.ts'

type Section = NonNullable<GenerationFiles['generation']>
type Options = Parameters<typeof generationSettings>[1]

const read = (files: Partial<Pick<GenerationFiles, 'pipeline' | 'generation' | 'config'>>, options: Options = {}) =>
  generationSettings({ folder: 'out', generation: undefined, config: undefined, ...files }, options)

const settings = (generation: Section, options: Options = {}) => read({ generation }, options).settings

describe('precedence', () => {
  const config = { num_beams: 2, length_penalty: 0.5, min_length: 3, max_length: 50, eos_token_id: 9 }
  const generation = { num_beams: 4, length_penalty: 2, max_length: null }

  test('the call, then generation_config.json alone', () => {
    expect(read({ generation, config }, { beams: 8 }).settings).toEqual({ num_beams: 8, length_penalty: 2 })
    expect(read({ generation, config }).settings).toEqual({ num_beams: 4, length_penalty: 2 })
    expect(read({ generation: {}, config }).settings).toEqual({})
  })

  test('config.json where there is no such file, then its decoder', () => {
    expect(read({ config }).settings).toEqual({ ...config, eos_token_id: [9] })
    const text_config = { num_beams: 3, top_k: 7, no_repeat_ngram_size: 2 }
    expect(read({ config: { ...config, text_config } }).settings).toEqual({ ...config, eos_token_id: [9], no_repeat_ngram_size: 2 })
    expect(read({ config: { decoder: { num_beams: 5 }, text_config } }).settings).toEqual({ num_beams: 5 })
  })

  test('what the pipeline says comes before the files', () => {
    const pipeline = { eos_token_id: 7 }
    expect(read({ pipeline, generation: { eos_token_id: 8, bos_token_id: 1 } }).settings).toEqual({ eos_token_id: [7], bos_token_id: [1] })
  })

  test('a value of the call counts even where it is false or 0', () => {
    expect(settings({ do_sample: true, top_k: 7 }, { doSample: false }).do_sample).toBe(false)
    expect(settings({ do_sample: true, top_k: 7 }, { topK: 0 }).top_k).toBe(0)
    expect(settings({}, { settings: { num_beams: 3, min_length: 4 }, beams: 5 })).toEqual({ num_beams: 5, min_length: 4 })
  })

  test('a least number of new tokens comes before a least length', () => {
    expect(settings({ min_length: 9, min_new_tokens: 0 })).toEqual({ min_new_tokens: 0 })
  })

  test('the older spelling of a forced first token is one of config.json', () => {
    const config = { bos_token_id: 5, force_bos_token_to_be_generated: true }
    expect(read({ config }).settings.forced_bos_token_id).toEqual([5])
    expect(read({ generation: config }).settings.forced_bos_token_id).toBeUndefined()
  })
})

describe('values', () => {
  test('ids: one or several', () => {
    const found = settings({ eos_token_id: [1, 2], forced_eos_token_id: 7, forced_bos_token_id: [6], decoder_start_token_id: [3] })
    expect(found).toEqual({ eos_token_id: [1, 2], forced_eos_token_id: [7], forced_bos_token_id: [6], decoder_start_token_id: 3 })
  })

  test.each([
    ['num_beams', '4', 'must be a whole number from 1 to 1024, and is "4"'],
    ['num_beams', 0, 'must be a whole number from 1 to 1024, and is 0'],
    ['early_stopping', 'always', 'must be true, false or "never", and is "always"'],
    ['eos_token_id', 'end', 'must be a whole number, or a list of up to 256 of them, and is "end"'],
    ['decoder_start_token_id', [1, 2], 'must be one token id, and is [1,2]'],
    ['bad_words_ids', [], 'must be a list of lists of token ids, none of them empty, and is []'],
    ['bad_words_ids', [3], 'must be a list of lists'],
    ['bad_words_ids', [[3], []], 'none of them empty'],
    ['sequence_bias', { '(3,)': 2 }, 'must be a list of pairs'],
    ['sequence_bias', [[[3], 2, 1]], 'must be a list of pairs'],
    ['sequence_bias', [[3, 2]], 'must be a list of pairs'],
    ['exponential_decay_length_penalty', [3], 'must be a pair'],
    ['repetition_penalty', 0, 'must be a number above 0, and is 0'],
    ['encoder_repetition_penalty', -1, 'must be a number above 0'],
    ['suppress_tokens', [1, 'x'], 'must be a whole number, or a list'],
    ['forced_bos_token_id', -1, 'must be a token id'],
    ['stop_strings', [''], 'must be a text'],
    ['num_return_sequences', 2, 'the most likely tokens are one result'],
    ['min_length', -2, 'must be a whole number from 0 on'],
    ['do_sample', 1, 'must be true or false'],
  ])('%s: %j is refused by name', (key, value, problem) => {
    expect(() => settings({ [key]: value })).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', exitCode: 2, what: expect.stringContaining(`generation_config.json: ${key}: `) }),
    )
    expect(() => settings({ [key]: value })).toThrow(problem)
    expect(() => settings({}, { settings: { [key]: value } })).toThrow(expect.objectContaining({ code: 'E_OPTION' }))
  })

  test('those of sampling count where tokens are drawn', () => {
    const odd = { temperature: 0, top_k: -1, top_p: 'x', min_p: 2, typical_p: 0, top_h: 0 }
    expect(settings(odd)).toEqual({})
    for (const [key, value] of Object.entries(odd))
      expect(() => settings({ do_sample: true, [key]: value })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }))
    const fine = { temperature: 0.5, top_k: 0, top_p: 1.5, min_p: 0.1, typical_p: 1, top_h: 1, epsilon_cutoff: 0, eta_cutoff: 0.1 }
    expect(settings({ do_sample: true, ...fine })).toEqual({ do_sample: true, ...fine })
  })

  test('a temperature of 0 or less is refused wherever somebody asks for it', () => {
    for (const temperature of [0, -1, Number.NaN])
      for (const doSample of [true, undefined])
        expect(() => settings({}, { temperature, doSample })).toThrow(expect.objectContaining({ code: 'E_OPTION', exitCode: 2 }))
  })

  test('several results need beams or draws, and no more than there are beams', () => {
    expect(settings({ num_return_sequences: 3, do_sample: true }).num_return_sequences).toBe(3)
    expect(settings({ num_return_sequences: 3, num_beams: 3 }).num_return_sequences).toBe(3)
    expect(() => settings({ num_return_sequences: 4, num_beams: 3 })).toThrow('is 4, and there are 3 beams')
  })

  test('a forced token may not be ruled out', () => {
    expect(() => settings({ forced_eos_token_id: [2, 3], suppress_tokens: [2, 3, 4] })).toThrow('forced_eos_token_id')
    expect(settings({ forced_eos_token_id: [2, 3], suppress_tokens: [2] }).forced_eos_token_id).toEqual([2, 3])
  })
})

describe('what transformers does not do either', () => {
  test.each<[Section]>([
    [{ penalty_alpha: 0.6 }],
    [{ penalty_alpha: 0.6, top_k: 4 }],
    [{ num_beam_groups: 2, num_beams: 4 }],
    [{ constraints: [] }],
    [{ force_words_ids: [[1]] }],
    [{ dola_layers: 'low' }],
    [{ low_memory: true, num_beams: 2 }],
    [{ prefix_allowed_tokens_fn: 'f' }],
    [{ assistant_model: 'gpt2' }],
  ])('%j', section => {
    expect(() => settings(section)).toThrow(expect.objectContaining({ code: 'E_UNSUPPORTED', exitCode: 2 }))
    expect(() => settings(section)).toThrow(`generation_config.json: ${Object.keys(section)[0]}`)
    expect(() => settings({}, { settings: section })).toThrow(expect.objectContaining({ code: 'E_UNSUPPORTED' }))
  })

  test.each<[Section]>([
    [{ penalty_alpha: 0 }],
    [{ penalty_alpha: 0.6, num_beams: 2 }],
    [{ penalty_alpha: 0.6, do_sample: true }],
    [{ num_beam_groups: 2, diversity_penalty: 0.5 }],
    [{ num_beam_groups: 1, num_beams: 4 }],
    [{ dola_layers: 'low', num_beams: 2 }],
    [{ low_memory: true }],
    [{ constraints: null }],
  ])('%j is without effect', section => {
    expect(read({ generation: section }).notes).toEqual([])
  })

  test('contrastive search needs more than one token to look at', () => {
    expect(() => settings({ penalty_alpha: 0.6, top_k: 1 })).not.toThrow()
  })
})

describe('notes', () => {
  const notes = (generation: Section, options: Options = {}) => read({ generation }, options).notes

  test('what is set and not followed', () => {
    expect(notes({ watermarking_config: { bias: 2 }, token_healing: true })).toEqual([
      'generation_config.json: watermarking_config is not followed: the text has no watermark',
      'generation_config.json: token_healing is not followed: the last token of the prompt stays as it is',
    ])
    expect(notes({ watermarking_config: null, token_healing: false })).toEqual([])
  })

  test('nothing about what has no effect, or is no setting', () => {
    expect(
      notes({ use_cache: false, pad_token_id: 3, cache_implementation: 'static', transformers_version: '5', user_token_id: 4 }),
    ).toEqual([])
    expect(notes({ temperature: 0.5 })).toEqual([])
  })

  test('what a caller asks for in vain', () => {
    expect(notes({}, { temperature: 0.5 })).toEqual(['temperature changes nothing where no token is drawn (do_sample)'])
    expect(notes({}, { temperature: 0.5, doSample: true })).toEqual([])
    expect(() => notes({}, { settings: { num_beam: 3 } })).toThrow(/num_beam: is no setting of generation\. Closest names: num_beams/)
    expect(() => notes({}, { settings: { use_cache: true, num_beams: 2 } })).not.toThrow()
  })
})

describe('length', () => {
  const longest = (section: Section, promptLength: number, { config, capacity }: { config?: Section; capacity?: number } = {}) =>
    longestSequence({ settings: settings(section), config, promptLength, ...(capacity && { capacity }) })

  test('new tokens count on top of the prompt and beat a maximum length', () => {
    expect(longest({ max_length: 30, max_new_tokens: 8 }, 5)).toBe(13)
    expect(longest({ max_length: 30 }, 5)).toBe(30)
  })

  test('20 new tokens by default, as far as the positions and the cache go', () => {
    expect(longest({}, 25)).toBe(45)
    expect(longest({ max_length: null, max_new_tokens: null }, 25)).toBe(45)
    expect(longest({}, 25, { config: { max_position_embeddings: 40 } })).toBe(40)
    expect(longest({}, 25, { config: { text_config: { max_position_embeddings: 40 } } })).toBe(40)
    expect(longest({}, 25, { config: { n_positions: 40 }, capacity: 33 })).toBe(33)
    // What was asked for is not cut: it fits or is an error.
    expect(longest({ max_length: 50 }, 25, { capacity: 33 })).toBe(50)
    expect(longest({ max_new_tokens: 30 }, 25, { config: { n_positions: 40 }, capacity: 33 })).toBe(55)
  })

  test('a maximum that the prompt reaches by itself is an error', () => {
    for (const [section, prompt] of [
      [{ max_length: 30 }, 30],
      [{ max_length: 30 }, 31],
      // 20 written down is a length like any other.
      [{ max_length: 20 }, 20],
      [{ max_new_tokens: 0 }, 3],
      [{ max_new_tokens: -2 }, 3],
    ] as const)
      expect(() => longest(section, prompt)).toThrow(expect.objectContaining({ code: 'E_MAX_LENGTH', exitCode: 2 }))
    expect(longest({ max_length: 30 }, 29)).toBe(30)
    expect(longest({ max_length: 20 }, 19)).toBe(20)
  })
})

describe('the beginning', () => {
  const prompt = (ids: readonly number[], section: Section, encoded = false) => promptOf(ids, settings(section), { encoded, folder: 'out' })

  test('is the prompt, or the token that nothing begins with', () => {
    expect(prompt([3, 4], { bos_token_id: 5 })).toEqual([3, 4])
    expect(prompt([], { bos_token_id: 5 })).toEqual([5])
    for (const section of [{}, { bos_token_id: -1 }, { bos_token_id: [1, 2] }])
      expect(() => beginning(settings(section))).toThrow(expect.objectContaining({ code: 'E_PROMPT_EMPTY', exitCode: 2 }))
  })

  test('is a start token behind an encoder', () => {
    expect(prompt([3], { decoder_start_token_id: 0, bos_token_id: 5 }, true)).toEqual([0])
    expect(prompt([3], { decoder_start_token_id: [4] }, true)).toEqual([4])
    expect(prompt([3], { bos_token_id: 5 }, true)).toEqual([5])
    expect(() => prompt([3], {}, true)).toThrow(expect.objectContaining({ code: 'E_CONFIG', exitCode: 2 }))
  })
})
