import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import type { Checkpoint, Json } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import blip2 from '../src/index.ts'

type Section = Readonly<Record<string, Json>>

interface Change {
  readonly whole?: Section
  readonly text?: Section
  readonly vision?: Section
  readonly qformer?: Section
  readonly seq?: readonly number[] | undefined
}

/** What loading a fixture gives when its config.json says something else. */
async function load(fixture: string, { whole = {}, text = {}, vision = {}, qformer = {}, seq }: Change) {
  const base = await openCheckpoint(fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url)))
  onTestFinished(() => base.close())
  const changed = (name: string, change: Section) => ({ [name]: { ...(base.config[name] as Section), ...change } })
  const config = {
    ...base.config,
    ...changed('text_config', text),
    ...changed('vision_config', vision),
    ...changed('qformer_config', qformer),
    ...whole,
  }
  const checkpoint: Checkpoint = { ...base, config }
  const [architecture = ''] = base.config.architectures as string[]
  const options = { seq, context: 32, prefill: 8, kv: 'io', 'image-input': false } as const
  return blip2.load({ checkpoint, architecture, task: blip2.tasks[architecture] ?? '', options })
}

describe('a configuration is refused', () => {
  test.each<[string, string, Change, string]>([
    ['without an id for the picture', 'opt', { whole: { image_token_index: null } }, 'image_token_index: is missing'],
    ['with an id beyond the words', 'opt', { whole: { image_token_index: 140 } }, 'image_token_index: is 140, beyond the 140 words'],
    ['with another language model', 'opt', { text: { model_type: 'llama' } }, 'text_config.model_type: is a language model that is not'],
    ['with words narrower than the queries', 'opt', { text: { word_embed_proj_dim: 24 } }, 'text_config.word_embed_proj_dim: is 24'],
    ['of its language model', 'flan-t5', { text: { d_kv: 0 } }, 'text_config.d_kv'],
    ['without biases in the tower', 'opt', { vision: { qkv_bias: false } }, 'vision_config.qkv_bias: towers without these biases'],
    ['with relative positions', 'opt', { qformer: { position_embedding_type: 'relative_key' } }, 'only absolute positions'],
    ['without text', 'image-text-retrieval', { qformer: { use_qformer_text_input: false }, seq: [12] }, 'the Q-Former must read text'],
  ])('%s', async (_, fixture, change, message) => {
    await expect(load(fixture, change)).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining(message) })
  })
})

test.each([
  ['flan-t5', [6], '6 leaves no room for words behind the 6 of a picture'],
  ['opt', [16], 'an OPT reads as far as its --context goes'],
])('%s with --seq %j is refused', async (fixture, seq, message) => {
  await expect(load(fixture, { seq })).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringContaining(message) })
})

test('the id of a picture has two names', async () => {
  const { pipeline } = await load('opt', { whole: { image_token_index: null, image_token_id: 12 } })
  expect(pipeline.image_tokens).toEqual({ id: 12, count: 6 })
})

test('generation begins and ends with what the language model says, else with its defaults', async () => {
  const generation = async (fixture: string, text: Section) =>
    (await load(fixture, { text, seq: fixture === 'opt' ? undefined : [24] })).pipeline.generation
  expect(await generation('opt', {})).toEqual({ bos_token_id: 2, eos_token_id: 2 })
  expect(await generation('opt', { eos_token_id: 50118 })).toEqual({ bos_token_id: 2, eos_token_id: 50118 })
  expect(await generation('flan-t5', {})).toEqual({ decoder_start_token_id: 0, eos_token_id: 1 })
  expect(await generation('flan-t5', { decoder_start_token_id: 5, eos_token_id: [1, 7] })).toEqual({
    decoder_start_token_id: 5,
    eos_token_id: [1, 7],
  })
})
