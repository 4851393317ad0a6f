import { openCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, type Json, printProgram } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import rag, { ragGeneration } from '../src/index.ts'
import { fixture } from './programs.ts'

type Section = Readonly<Record<string, Json>>

interface Change {
  readonly whole?: Section
  readonly question?: Section
  readonly generator?: Section
  readonly task?: string
  readonly seq?: readonly number[]
  readonly questionLength?: number
  /** In place of the fixture's own, which may have none. */
  readonly generationConfig?: Section | undefined
}

/** What loading a fixture gives when its config.json says something else. */
async function load(name: string, change: Change = {}) {
  const { whole = {}, question, generator, task, seq = [20], questionLength } = change
  const base = await openCheckpoint(fixture(name))
  onTestFinished(() => base.close())
  const changed = (section: string, keys: Section | undefined) =>
    keys ? { [section]: { ...(base.config[section] as Section), ...keys } } : {}
  const config = { ...base.config, ...changed('question_encoder', question), ...changed('generator', generator), ...whole }
  const json = (file: string) =>
    file === 'generation_config.json' && 'generationConfig' in change ? change.generationConfig : base.json(file)
  const checkpoint: Checkpoint = { ...base, config, json }
  const named = Array.isArray(config.architectures) ? String(config.architectures[0]) : undefined
  const asked = task ?? rag.tasks[named ?? ''] ?? ''
  const architecture = named ?? Object.keys(rag.tasks).find(each => rag.tasks[each] === asked) ?? ''
  const options = { seq, batch: 1, context: 32, prefill: 8, kv: 'io', 'question-length': questionLength, decoding: undefined } as const
  return rag.load({ checkpoint, architecture, task: asked, options })
}

describe('a configuration is refused', () => {
  test.each<[string, string, Change, string]>([
    ['with another question encoder', 'token', { question: { model_type: 'bert' } }, 'question_encoder.model_type: is a question encoder'],
    ['without a question encoder', 'token', { whole: { question_encoder: null } }, 'question_encoder'],
    [
      'with another generator',
      'token',
      { generator: { model_type: 'pegasus' } },
      'generator.model_type: is a generator that is not supported',
    ],
    ['of its generator', 'token', { generator: { encoder_attention_heads: 5 } }, 'generator.encoder_attention_heads: does not divide'],
    ['of its question encoder', 'token', { question: { is_decoder: true } }, 'question_encoder.is_decoder'],
    ['with a projection to less than nothing', 'question-encoder', { whole: { projection_dim: -1 } }, 'projection_dim'],
  ])('%s', async (_, name, change, message) => {
    await expect(load(name, change)).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining(message) })
  })
})

test.each<[string, string, Change, string]>([
  ['text of a DPR', 'reader', { task: 'text2text-generation' }, 'a DPR generates no text'],
  ['vectors of a RAG', 'token', { task: 'feature-extraction' }, 'a RAG does no feature-extraction'],
  ['two lengths of contexts', 'token', { seq: [10, 20] }, 'takes one length'],
  ['a context beyond the positions', 'token', { seq: [65] }, "65 is more than the model's 64 positions"],
  ['a question beyond the positions', 'token', { questionLength: 41 }, "41 is more than the model's 40 positions"],
])('%s is refused', async (_, name, change, message) => {
  await expect(load(name, change)).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringContaining(message) })
})

test('a projection that the file does not hold is missing', async () => {
  await expect(load('question-encoder', { whole: { projection_dim: 20 } })).rejects.toMatchObject({ code: 'E_TENSOR_MISSING' })
})

test('an encoder of documents is none of questions', async () => {
  const other = { whole: { architectures: ['DPRQuestionEncoder'] } }
  await expect(load('context-encoder', other)).rejects.toMatchObject({ code: 'E_TENSOR_MISSING' })
})

test('without a class a DPR is what its tensors say', async () => {
  const printed = async (change: Change) => (await load('context-encoder', change)).programs.map(printProgram)
  expect(await printed({ whole: { architectures: null }, task: 'feature-extraction' })).toEqual(await printed({}))
})

test('a question has the length of a context, as far as its positions go, or one of its own', async () => {
  const lengths = async (change: Change) => {
    const { options, programs } = await load('token', change)
    return [options.seq, options['question-length'], ...programs.slice(0, 2).map(each => each.functions[0]?.inputs[0]?.type.shape[1])]
  }
  expect(await lengths({ seq: [20] })).toEqual([20, 20, 20, 20])
  expect(await lengths({ seq: [60] })).toEqual([60, 40, 40, 60])
  expect(await lengths({ seq: [60], questionLength: 7 })).toEqual([60, 7, 7, 60])
})

test('vectors that no index of this width holds are noted', async () => {
  expect((await load('token')).notes).toEqual([])
  expect((await load('token', { whole: { retrieval_vector_size: 768 } })).notes).toEqual([expect.stringContaining('have 32 elements')])
})

// As transformers' GenerationConfig.from_model_config and the two generate functions take them.
describe('what generation begins and ends with', () => {
  const bart = { bos_token_id: 0, pad_token_id: 1, eos_token_id: 2, decoder_start_token_id: 2 }
  const changes = {
    forced_eos_token_id: null,
    num_beams: 4,
    no_repeat_ngram_size: 3,
    early_stopping: true,
    max_length: 60,
    length_penalty: 2,
  }
  const generation = async (name: string, change: Change) => (await load(name, change)).pipeline.generation

  test('RAG-token: config.json, then its generator', async () => {
    const without = { generationConfig: undefined }
    expect(await generation('token', { ...without, generator: changes })).toMatchObject({
      ...bart,
      num_beams: 4,
      no_repeat_ngram_size: 3,
      early_stopping: true,
      max_length: 60,
    })
    const whole = { num_beams: 2, max_length: 30, eos_token_id: 7, forced_eos_token_id: 9 }
    expect(await generation('token', { ...without, whole, generator: changes })).toMatchObject({ ...bart, ...whole, length_penalty: 2 })
  })

  test('RAG-token: generation_config.json, and nothing else', async () => {
    const generationConfig = { decoder_start_token_id: 2, num_beams: 3 }
    const found = await generation('token', { generationConfig, generator: changes, whole: { eos_token_id: 7 } })
    expect(found).toMatchObject({ decoder_start_token_id: 2, num_beams: 3, max_length: 20, no_repeat_ngram_size: 0 })
    expect(found).not.toHaveProperty('eos_token_id')
  })

  test('RAG-sequence: its generator, and the beams of config.json', async () => {
    const whole = { num_beams: 2, max_length: 30, eos_token_id: 7 }
    expect(await generation('sequence', { whole, generator: changes })).toMatchObject({ ...bart, num_beams: 2, max_length: 60 })
  })

  test('keys that are left out are the class of the generator’s, null is none', async () => {
    const config = (await openCheckpoint(fixture('sequence'))).config
    const { forced_eos_token_id: _, eos_token_id: __, ...bare } = config.generator as Record<string, Json>
    expect(await generation('sequence', { whole: { generator: bare } })).toMatchObject({ forced_eos_token_id: 2, eos_token_id: 2 })
    expect(await generation('sequence', {})).not.toHaveProperty('forced_eos_token_id')
    const forced = { force_bos_token_to_be_generated: true, bos_token_id: 5 }
    expect(await generation('sequence', { generator: forced })).toMatchObject({ forced_bos_token_id: 5 })
  })

  test('lengths count the start token, but for 20 new ones of RAG-sequence', async () => {
    const longest = async (name: string, generator: Section) =>
      ragGeneration((await load(name, { generator, generationConfig: undefined })).pipeline).maxLength
    expect(await longest('sequence', {})).toBe(21)
    expect(await longest('sequence', { max_length: 50 })).toBe(50)
    expect(await longest('sequence', { max_new_tokens: 9 })).toBe(10)
    expect(await longest('token', { max_length: 50 })).toBe(50)
    expect(await longest('token', {})).toBe(20)
  })

  test('a start token is needed', async () => {
    const generator = { decoder_start_token_id: null, bos_token_id: null }
    const { pipeline } = await load('sequence', { generator })
    expect(() => ragGeneration(pipeline)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }))
    expect(ragGeneration(pipeline, { decoderStartTokenId: 3 }).decoderStartTokenId).toBe(3)
  })
})
