import { describe, expect, it } from 'vitest'
import { type ImageSettings, imageSteps, type Json, standardImageSettings } from '../src/index.ts'
import { fakeCheckpoint } from './fake-checkpoint.ts'

type Settings = { readonly [key: string]: Json }

const [mean, std] = [
  [0.5, 0.4, 0.3],
  [0.2, 0.25, 0.5],
]
const defaults: Settings = {
  do_resize: true,
  size: { height: 384, width: 384 },
  resample: 3,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: mean,
  image_std: std,
}
const withFile = (imageProcessor: Settings) => fakeCheckpoint({ imageProcessor, json: { 'preprocessor_config.json': imageProcessor } })
const read = (imageProcessor: Settings): ImageSettings => standardImageSettings(withFile(imageProcessor), defaults)
const problem = (imageProcessor: Settings): string => {
  try {
    read(imageProcessor)
    return 'none'
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
  }
}

describe('settings of an image processor', () => {
  const square = { size: { height: 384, width: 384 }, resampling: 'bicubic' }

  it('are the defaults where nothing is said, or null', () => {
    const expected = { resize: square, crop: undefined, rescale: 1 / 255, normalize: { mean, std }, pad: undefined }
    expect(standardImageSettings(fakeCheckpoint({}), defaults)).toEqual(expected)
    expect(read({ size: null, image_mean: null, do_center_crop: null, crop_size: null, do_pad: null, device: null })).toEqual(expected)
  })

  it('are what the file says', () => {
    expect(read({ do_resize: false, do_rescale: false, do_normalize: false })).toMatchObject({
      resize: undefined,
      rescale: undefined,
      normalize: undefined,
    })
    expect(read({ do_center_crop: true, crop_size: 224, rescale_factor: 0.5, image_mean: 0.5, image_std: [1, 2, 3] })).toMatchObject({
      crop: [224, 224],
      rescale: 0.5,
      normalize: { mean: [0.5, 0.5, 0.5], std: [1, 2, 3] },
    })
    expect(read({ do_pad: true, pad_size: { height: 8, width: 9 } })).toMatchObject({ pad: [8, 9] })
  })

  it('are those of a processor over tensors, with what it is called with beside them', () => {
    const fast = {
      image_processor_type: 'BlipImageProcessorFast',
      ...{ size: { height: 32, width: 32 }, default_to_square: true, resample: 2, size_divisor: null },
      ...{ crop_size: null, do_center_crop: null, do_pad: null, pad_size: null, do_convert_rgb: true },
      ...{ data_format: 'channels_first', input_data_format: null, return_tensors: null, device: 'cpu', disable_grouping: null },
    }
    expect(read(fast)).toEqual({
      resize: { size: { height: 32, width: 32 }, resampling: 'bilinear' },
      ...{ crop: undefined, rescale: 1 / 255, normalize: { mean, std }, pad: undefined },
    })
  })

  it('spell sizes in several ways', () => {
    const sizeOf = (size: Json) => read({ size }).resize?.size
    expect(sizeOf(224)).toEqual({ height: 224, width: 224 })
    expect(sizeOf([224, 256])).toEqual({ height: 224, width: 256 })
    expect(sizeOf({ height: 1, width: 2, shortest_edge: null })).toEqual({ height: 1, width: 2 })
    expect(sizeOf({ longest_edge: 1024 })).toEqual({ longestEdge: 1024 })
    expect(sizeOf({ shortest_edge: 800, longest_edge: 1333 })).toEqual({ shortestEdge: 800, longestEdge: 1333 })
  })

  it("number filters as Pillow does, not in the order of Pillow's names", () => {
    expect([0, 1, 2, 3, 4, 5].map(resample => read({ resample }).resize?.resampling)).toEqual([
      'nearest',
      'lanczos',
      'bilinear',
      'bicubic',
      'box',
      'hamming',
    ])
  })

  it.each<[Settings, string]>([
    [{ do_resize: 'yes' }, 'preprocessor_config.json: do_resize: is neither true nor false.'],
    [{ resample: 6 }, "preprocessor_config.json: resample: is none of Pillow's filters, which are 0 to 5."],
    [{ resample: 'bicubic' }, 'preprocessor_config.json: resample: is not a number.'],
    [{ size: { height: 384 } }, 'preprocessor_config.json: size: is neither height and width nor one edge.'],
    [{ size: {} }, 'preprocessor_config.json: size: is no size.'],
    [{ size: { height: 0, width: 1 } }, 'preprocessor_config.json: size.height: is not a number of pixels.'],
    [{ size: { max_height: 3, max_width: 4 } }, 'preprocessor_config.json: size.max_height: is not supported.'],
    [{ rescale_factor: 'small' }, 'preprocessor_config.json: rescale_factor: is not a number.'],
    [{ image_mean: [0.5] }, 'preprocessor_config.json: image_mean: is not 3 numbers.'],
    [{ image_std: [1, 0, 1] }, 'preprocessor_config.json: image_std: is 0, by which nothing can be divided.'],
    [{ do_center_crop: true, crop_size: { shortest_edge: 3 } }, 'preprocessor_config.json: crop_size: is not height and width.'],
    [{ do_flip_channel_order: true }, 'preprocessor_config.json: do_flip_channel_order: is not supported.'],
  ])('%j is refused', (settings, message) => expect(problem(settings)).toBe(message))

  it('what is switched off is not looked at', () => {
    expect(problem({ do_normalize: false, image_std: [0], do_reduce_labels: false, do_pad: false, pad_size: 'none' })).toBe('none')
  })
})

describe('steps of an image processor', () => {
  const steps = (settings: Settings, area: readonly [number, number] = [384, 384]) => imageSteps(withFile(settings), read(settings), area)

  it('stand in the order of transformers', () => {
    expect(steps({})).toEqual([{ resize: [384, 384], resampling: 'bicubic' }, { rescale: 1 / 255 }, { normalize: { mean, std } }])
    const all = { size: 256, do_center_crop: true, crop_size: 224, do_pad: true, pad_size: [230, 240] }
    expect(steps(all, [230, 240]).map(step => Object.keys(step)[0])).toEqual(['resize', 'crop', 'rescale', 'normalize', 'pad'])
    expect(steps({ do_resize: false, do_rescale: false, do_normalize: false })).toEqual([])
  })

  it('make what the model reads', () => {
    expect(() => steps({ size: 224 })).toThrow('size: makes pictures of 224 × 224 pixels, the model reads 384 × 384')
    expect(() => steps({ size: 384, do_center_crop: true, crop_size: 224 })).toThrow('makes pictures of 224 × 224')
    expect(() => steps({ size: { longest_edge: 384 } })).toThrow('keeps the ratio of a picture')
  })
})
