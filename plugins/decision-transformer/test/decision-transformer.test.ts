import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import type { Json } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import decisionTransformer from '../src/index.ts'

/** A fixture of 96 positions, with keys of its configuration that differ, as the plugin loads it. */
async function load(config: Readonly<Record<string, Json>> = {}, context?: number) {
  const base = await openCheckpoint(fileURLToPath(new URL('../fixtures/gym', import.meta.url)))
  onTestFinished(() => base.close())
  return decisionTransformer.load({
    checkpoint: { ...base, config: { ...base.config, ...config } },
    architecture: 'DecisionTransformerModel',
    task: 'reinforcement-learning',
    options: { context },
  })
}

const facts = async (...asked: Parameters<typeof load>) => {
  const { options, notes } = await load(...asked)
  return { ...options, ...(notes ? { notes } : {}) }
}

describe('the context', () => {
  test('is what was asked for, any number of steps', async () => {
    expect(await facts({ max_length: 9 }, 11)).toEqual({ context: 11 })
    expect(await facts({}, 32)).toEqual({ context: 32 })
  })
  test('is what the configuration says, else 20', async () => {
    expect(await facts({ max_length: 9 })).toEqual({ context: 9 })
    expect(await facts()).toEqual({ context: 20 })
  })
  test('is at most what there are positions for', async () => {
    expect(await facts({ max_length: 33 })).toEqual({
      context: 32,
      notes: ['max_length is 33, but the model has 96 positions, which are 32 steps of three tokens.'],
    })
    await expect(load({}, 33)).rejects.toMatchObject({
      code: 'E_OPTION',
      what: expect.stringContaining("33 is more than the model's 96 positions, which are 32 steps of three tokens"),
    })
  })
})

test('ports say what the inputs are, and which rows of the outputs mean something', async () => {
  const { programs, pipeline } = await load({}, 4)
  const [graph] = programs.flatMap(({ functions }) => functions)
  expect(graph?.inputs.map(({ name, type, port }) => [name, type.dtype, type.shape, port])).toEqual([
    ['states', 'fp32', [1, 4, 11], { role: 'vectors' }],
    ['actions', 'fp32', [1, 4, 3], { role: 'vectors' }],
    ['returns_to_go', 'fp32', [1, 4, 1], { role: 'vectors' }],
    ['timesteps', 'int32', [1, 4], { role: 'positions', below: 120 }],
    ['attention_mask', 'int32', [1, 4], { role: 'mask' }],
  ])
  expect(graph?.outputs.map(({ name, value, port }) => [name, value.type.shape, port?.rows])).toEqual([
    ['state_preds', [1, 4, 11], 'attention_mask'],
    ['action_preds', [1, 4, 3], 'attention_mask'],
    ['return_preds', [1, 4, 1], 'attention_mask'],
  ])
  expect(pipeline.kind).toBe('policy')
})

test('general names for sizes count', async () => {
  await expect(load({ n_head: null, num_attention_heads: 5 })).rejects.toMatchObject({ code: 'E_CONFIG' })
  // Where both are there, the general one: layers that the file does not have.
  await expect(load({ num_hidden_layers: 7 })).rejects.toMatchObject({ code: 'E_TENSOR_MISSING' })
})

test.each<[string, Readonly<Record<string, Json>>, string]>([
  ['heads that do not divide the width', { n_head: 5 }, 'n_head'],
  ['no room for one step', { n_positions: 2 }, 'n_positions'],
  ['attention to another model', { add_cross_attention: true }, 'add_cross_attention'],
  ['an activation that nobody has', { activation_function: 'swoosh' }, 'activation_function'],
  ['a context of nothing', { max_length: 0 }, 'max_length'],
])('%s: refused', async (_, config, field) => {
  await expect(load(config)).rejects.toMatchObject({ code: 'E_CONFIG', what: expect.stringContaining(field) })
})

test.each<[string, Readonly<Record<string, Json>>]>([
  ['states of another width', { state_dim: 12 }],
  ['actions of another width', { act_dim: 2 }],
  ['longer episodes', { max_ep_len: 121 }],
  ['more positions', { n_positions: 99 }],
])('%s than the weights have: E_TENSOR_SHAPE', async (_, config) => {
  await expect(load(config)).rejects.toMatchObject({ code: 'E_TENSOR_SHAPE' })
})

test('without the table of positions the weights are incomplete', async () => {
  const base = await openCheckpoint(fileURLToPath(new URL('../fixtures/gym', import.meta.url)))
  onTestFinished(() => base.close())
  const checkpoint = { ...base, tensor: (name: string) => (name === 'encoder.wpe.weight' ? undefined : base.tensor(name)) }
  const request = { checkpoint, architecture: 'TrainableDT', task: 'reinforcement-learning', options: { context: 4 } }
  expect(() => decisionTransformer.load(request)).toThrow('encoder.wpe.weight')
})
