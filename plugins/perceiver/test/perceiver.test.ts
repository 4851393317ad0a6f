import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import type { Checkpoint, ImageStep, Json } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import perceiver from '../src/index.ts'

interface Change {
  readonly config?: Readonly<Record<string, Json>>
  /** null: there is no file. */
  readonly processor?: Readonly<Record<string, Json>> | null
  readonly architecture?: string
  readonly task?: string
  readonly size?: string
}

/** A fixture, with what differs from it, as the plugin loads it. */
async function load(fixture: string, { config = {}, processor, architecture, task, size }: Change = {}) {
  const base = await openCheckpoint(fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url)))
  onTestFinished(() => base.close())
  const checkpoint: Checkpoint = {
    ...base,
    config: { ...base.config, ...config },
    ...(processor === undefined
      ? {}
      : { imageProcessor: () => (processor ? { file: 'preprocessor_config.json', settings: processor } : undefined) }),
  }
  const [own] = base.config.architectures as readonly string[]
  const name = architecture ?? (own as string)
  return perceiver.load({
    checkpoint,
    architecture: name,
    task: task ?? (perceiver.tasks[name] as string),
    options: { seq: [16], batch: 1, 'image-size': size, 'image-input': false },
  })
}

/** The port of the pixels of a fixture. */
async function pixels(fixture: string, change: Change = {}) {
  const { programs } = await load(fixture, change)
  const [input] = programs.flatMap(({ functions }) => functions.flatMap(({ inputs }) => inputs))
  return { shape: input?.type.shape, steps: input?.port?.image?.steps }
}

const normalize: ImageStep = { normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } }
const after = (resize: readonly [number, number], cropSquare: number): readonly ImageStep[] => [
  { cropSquare },
  { resize, resampling: 'bicubic' },
  { rescale: 1 / 255 },
  normalize,
]

describe('an architecture that is not supported is refused by name', () => {
  test.each(['PerceiverForMultimodalAutoencoding', 'PerceiverModel'])('%s', async architecture => {
    await expect(load('fill-mask', { architecture, task: 'fill-mask' })).rejects.toMatchObject({
      code: 'E_UNSUPPORTED',
      what: expect.stringContaining(architecture),
    })
  })
  test('and so is one that does another task', async () =>
    expect(load('fill-mask', { task: 'image-classification', size: '8x8' })).rejects.toMatchObject({
      code: 'E_UNSUPPORTED',
      what: 'PerceiverForMaskedLM does not classify images.',
    }))
})

describe('a picture becomes pixels', () => {
  test('as the files on the hub say, with sizes of one number', async () => {
    const processor = {
      ...{ crop_size: 48, size: 42, do_center_crop: true, do_resize: true, do_normalize: true, resample: 3 },
      feature_extractor_type: 'PerceiverFeatureExtractor',
    }
    expect(await pixels('image-classification-fourier', { processor })).toEqual({ shape: [1, 3, 42, 42], steps: after([42, 42], 0.875) })
  })
  test('by the defaults of the processor, of the size that the model has positions for', async () => {
    expect(await pixels('image-classification-learned', { processor: null })).toEqual({
      shape: [1, 3, 14, 14],
      steps: after([14, 14], 0.875),
    })
  })
  test('of the size that the option says', async () => {
    const own = { size: { height: 40, width: 20 }, crop_size: { height: 40, width: 20 } }
    expect(await pixels('image-classification-fourier', { processor: own, size: '24x32' })).toEqual({
      shape: [1, 3, 24, 32],
      steps: after([24, 32], 1),
    })
  })
  test('without what is switched off', async () => {
    const processor = { do_center_crop: false, do_rescale: false, do_normalize: false, size: 9, resample: 2 }
    const { steps } = await pixels('image-classification-fourier', { processor })
    expect(steps).toEqual([{ resize: [9, 9], resampling: 'bilinear' }])
  })
})

describe('what is wrong with it is said', () => {
  const fourier = 'image-classification-fourier'
  test.each<readonly [what: string, fixture: string, change: Change, code: string, text: string]>([
    ['no size at all', fourier, { processor: null }, 'E_OPTION', 'how large an image is'],
    ['a size that is none', fourier, { size: '24' }, 'E_OPTION', '"24" is not HEIGHTxWIDTH'],
    ['a size of nothing', fourier, { size: '0x8' }, 'E_OPTION', '"0x8" is not HEIGHTxWIDTH'],
    ['a size without positions', 'image-classification-learned', { size: '16x16' }, 'E_OPTION', '16x16 is not 14x14'],
    ['an image too small for the convolutions', 'image-classification-conv', { size: '4x9' }, 'E_OPTION', '4x9'],
    ['pictures of any size', fourier, { processor: { do_resize: false } }, 'E_CONFIG', 'do_resize'],
    ['pictures that keep their ratio', fourier, { processor: { size: { shortest_edge: 8 } } }, 'E_CONFIG', 'size'],
    ['another size than the model has', 'image-classification-learned', { processor: { size: 16 } }, 'E_CONFIG', '14 × 14'],
    ['a crop that is no square', fourier, { processor: { size: 8, crop_size: { height: 8, width: 16 } } }, 'E_CONFIG', 'crop_size'],
    ['a crop of more than there is', fourier, { processor: { size: 16, crop_size: 8 } }, 'E_CONFIG', 'crop_size'],
    [
      'the files of another processor',
      fourier,
      { processor: { image_processor_type: 'ViTImageProcessor' } },
      'E_CONFIG',
      'ViTImageProcessor',
    ],
    [
      'heads that do not divide the latents',
      'fill-mask',
      { config: { num_self_attention_heads: 5 } },
      'E_CONFIG',
      'num_self_attention_heads',
    ],
    [
      'heads that do not divide the channels',
      fourier,
      { config: { num_cross_attention_heads: 2 } },
      'E_CONFIG',
      '2 does not divide the 261',
    ],
    ['values that are no latents', 'fill-mask', { config: { v_channels: 40 } }, 'E_CONFIG', 'v_channels'],
    ['queries that make values', fourier, { config: { qk_channels: 40 } }, 'E_CONFIG', 'qk_channels'],
    ['another shape of attention', fourier, { config: { cross_attention_shape_for_attention: 'k' } }, 'E_CONFIG', 'cross_attention_shape'],
    ['an unknown activation', fourier, { config: { hidden_act: 'step' } }, 'E_CONFIG', 'hidden_act'],
    ['a size of training that is none', 'optical-flow', { config: { train_size: [8] } }, 'E_CONFIG', 'train_size'],
  ])('%s', async (_, fixture, change, code, text) => {
    await expect(load(fixture, change)).rejects.toMatchObject({ code, what: expect.stringContaining(text) })
  })
})
