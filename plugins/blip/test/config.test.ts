import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import type { Checkpoint, Json } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import blip from '../src/index.ts'

type Section = Readonly<Record<string, Json>>

interface Change {
  readonly text?: Section
  readonly vision?: Section
  readonly picture?: Section
}

/** What loading a fixture gives when its files say something else. */
async function load(fixture: string, { text = {}, vision = {}, picture = {} }: Change) {
  const base = await openCheckpoint(fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url)))
  onTestFinished(() => base.close())
  const section = (name: string): Section => base.config[name] as Section
  const checkpoint: Checkpoint = {
    ...base,
    config: {
      ...base.config,
      text_config: { ...section('text_config'), ...text },
      vision_config: { ...section('vision_config'), ...vision },
    },
    imageProcessor: () => ({ file: 'preprocessor_config.json', settings: { ...base.imageProcessor()?.settings, ...picture } }),
  }
  const [architecture = ''] = base.config.architectures as string[]
  const options = { seq: [12], context: 32, prefill: 8, kv: 'io', 'image-input': false } as const
  return blip.load({ checkpoint, architecture, task: blip.tasks[architecture] ?? '', options })
}

describe('a configuration is refused', () => {
  test.each<[string, string, Change, string]>([
    ['without cross-attention', 'image-to-text', { text: { is_decoder: false } }, 'text_config.is_decoder: without it the layers have no'],
    ['with relative positions', 'image-to-text', { text: { position_embedding_type: 'relative_key' } }, 'only absolute positions'],
    ['with pruned heads', 'image-to-text', { text: { pruned_heads: { 0: [1] } } }, 'text_config.pruned_heads: pruned heads are not'],
    [
      'with heads that do not fit',
      'image-to-text',
      { vision: { num_attention_heads: 5 } },
      'vision_config.num_attention_heads: does not divide',
    ],
    [
      'with two widths',
      'visual-question-answering',
      { text: { hidden_size: 64 } },
      'text_config.hidden_size: is 64, and 32 in vision_config',
    ],
    [
      'with pictures of another size',
      'image-to-text',
      { picture: { size: 48 } },
      'size: makes pictures of 48 × 48 pixels, the model reads 32 × 32',
    ],
    ['with a switch that is none', 'image-to-text', { picture: { do_normalize: 1 } }, 'do_normalize: is neither true nor false'],
  ])('%s', async (_, fixture, change, message) => {
    await expect(load(fixture, change)).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining(message) })
  })
})

test('pictures are squashed with the filter that the file names, then normalised', async () => {
  const { programs } = await load('image-to-text', { picture: { resample: 2, do_normalize: false } })
  expect(programs[0]?.functions[0]?.inputs[0]?.port?.image?.steps).toEqual([
    { resize: [32, 32], resampling: 'bilinear' },
    { rescale: 1 / 255 },
  ])
})

test('the pipeline says what captions and answers begin and end with', async () => {
  for (const fixture of ['image-to-text', 'visual-question-answering']) {
    const { pipeline } = await load(fixture, { text: { bos_token_id: 7, sep_token_id: 8 } })
    expect(pipeline.generation).toEqual({ decoder_start_token_id: 7, eos_token_id: 8 })
  }
})
