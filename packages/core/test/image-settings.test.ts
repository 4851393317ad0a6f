import { describe, expect, it } from 'vitest'
import { type ImageProcessor, type ImageSettings, imageSteps, type Json, standardImageSettings } from '../src/index.ts'
import { fakeCheckpoint } from './fake-checkpoint.ts'

type Settings = { readonly [key: string]: Json }

const [mean, std] = [
  [0.5, 0.4, 0.3],
  [0.2, 0.25, 0.5],
]
const squashing: Settings = {
  do_resize: true,
  size: { height: 384, width: 384 },
  resample: 3,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: mean,
  image_std: std,
}
/** Processors of all kinds: one that squashes, and may crop; one that crops and pads; one that keeps the ratio, and pads. */
const squasher: ImageProcessor = { type: 'OurImageProcessor', settings: squashing, size: 'area', unsettled: ['do_center_crop', 'do_pad'] }
const cropper: ImageProcessor = {
  ...squasher,
  settings: { ...squashing, do_center_crop: true, crop_size: 384, do_pad: false },
  unsettled: [],
}
const keeper: ImageProcessor = {
  type: 'OurImageProcessor',
  settings: { ...squashing, size: { longest_edge: 384 }, do_pad: true, pad_size: { height: 384, width: 384 } },
  size: 'longest_edge',
  unsettled: ['do_center_crop'],
}
const withFile = (imageProcessor: Settings) => fakeCheckpoint({ imageProcessor, json: { 'preprocessor_config.json': imageProcessor } })
const read = (imageProcessor: Settings, processor = squasher): ImageSettings => standardImageSettings(withFile(imageProcessor), processor)
const problem = (imageProcessor: Settings, processor?: ImageProcessor): string => {
  try {
    read(imageProcessor, processor)
    return 'none'
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
  }
}

describe('settings of an image processor', () => {
  const square = { size: { height: 384, width: 384 }, resampling: 'bicubic' }

  const expected = { resize: square, crop: undefined, rescale: 1 / 255, normalize: { mean, std }, pad: undefined }

  it("are the processor's own where nothing is said, or null that says nothing", () => {
    expect(standardImageSettings(fakeCheckpoint({}), squasher)).toEqual(expected)
    expect(read({ size: null, image_mean: null, image_std: null, device: null })).toEqual(expected)
    expect(read({ crop_size: null, pad_size: null }, cropper)).toEqual({ ...expected, crop: [384, 384] })
  })

  it('are off where a switch is null, and nothing where a filter or a factor is', () => {
    expect(read({ do_resize: null, do_rescale: null, do_normalize: null })).toEqual({
      ...{ resize: undefined, crop: undefined, rescale: undefined, normalize: undefined, pad: undefined },
    })
    expect(read({ do_center_crop: null, do_pad: null })).toEqual(expected)
    expect(read({ do_center_crop: null }, cropper)).toEqual(expected)
    expect(problem({ resample: null })).toBe('preprocessor_config.json: resample: is not a number.')
    expect(problem({ rescale_factor: null })).toBe('preprocessor_config.json: rescale_factor: is not a number.')
    expect(problem({ rescale_factor: null, do_rescale: null })).toBe('none')
  })

  it('are what the file says', () => {
    expect(read({ do_resize: false, do_rescale: false, do_normalize: false })).toMatchObject({
      resize: undefined,
      rescale: undefined,
      normalize: undefined,
    })
    expect(read({ crop_size: 224, rescale_factor: 0.5, image_mean: 0.5, image_std: [1, 2, 3] }, cropper)).toMatchObject({
      crop: [224, 224],
      rescale: 0.5,
      normalize: { mean: [0.5, 0.5, 0.5], std: [1, 2, 3] },
    })
    expect(read({ do_pad: true, pad_size: { height: 8, width: 9 } }, cropper)).toMatchObject({ pad: [8, 9] })
  })

  it('are those of a processor over tensors, with what it is called with beside them', () => {
    const fast = {
      image_processor_type: 'OurImageProcessorFast',
      ...{ size: { height: 32, width: 32 }, default_to_square: true, resample: 2, size_divisor: null },
      ...{ crop_size: null, do_center_crop: null, do_pad: null, pad_size: null, do_convert_rgb: true },
      ...{ data_format: 'channels_first', input_data_format: null, return_tensors: null, device: 'cpu', disable_grouping: null },
    }
    expect(read(fast)).toEqual({ ...expected, resize: { size: { height: 32, width: 32 }, resampling: 'bilinear' } })
  })

  it('spell sizes in several ways', () => {
    const sizeOf = (size: Json) => read({ size }).resize?.size
    expect(sizeOf(224)).toEqual({ height: 224, width: 224 })
    expect(sizeOf([224, 256])).toEqual({ height: 224, width: 256 })
    expect(sizeOf({ height: 1, width: 2, shortest_edge: null })).toEqual({ height: 1, width: 2 })
  })

  it('are the longer edge for a processor that reads that', () => {
    const sizeOf = (size: Json) => read({ size }, keeper).resize?.size
    expect(sizeOf(224)).toEqual({ longestEdge: 224 })
    expect(sizeOf({ longest_edge: 1024 })).toEqual({ longestEdge: 1024 })
    expect(sizeOf({ shortest_edge: 800, longest_edge: 1333 })).toEqual({ longestEdge: 1333 })
  })

  it('have nothing of what the processor does not know', () => {
    const unknown = { do_flip_channel_order: true, do_reduce_labels: 'yes', rescale_offset: true, size_divisor: 32 }
    expect(read(unknown)).toEqual(expected)
    const plain = { ...squasher, unsettled: [] }
    expect(read({ do_center_crop: true, crop_size: 8, do_pad: true, pad_size: 'none' }, plain)).toEqual(expected)
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
    [{ size: { height: 384 } }, 'preprocessor_config.json: size: is not height and width.'],
    [{ size: {} }, 'preprocessor_config.json: size: is not height and width.'],
    [{ size: [384, 384, 3] }, 'preprocessor_config.json: size: is not height and width.'],
    [{ size: { height: 0, width: 1 } }, 'preprocessor_config.json: size.height: is not a number of pixels.'],
    [{ size: { longest_edge: 4 } }, 'preprocessor_config.json: size.longest_edge: is not supported.'],
    [{ size: { max_height: 3, max_width: 4 } }, 'preprocessor_config.json: size.max_height: is not supported.'],
    [{ rescale_factor: 'small' }, 'preprocessor_config.json: rescale_factor: is not a number.'],
    [{ image_mean: [0.5] }, 'preprocessor_config.json: image_mean: is not 3 numbers.'],
    [{ image_std: [1, 0, 1] }, 'preprocessor_config.json: image_std: is 0, by which nothing can be divided.'],
  ])('%j is refused', (settings, message) => expect(problem(settings)).toBe(message))

  it.each<[Settings, string]>([
    [{ crop_size: { shortest_edge: 3 } }, 'preprocessor_config.json: crop_size.shortest_edge: is not supported.'],
    [{ crop_size: [3] }, 'preprocessor_config.json: crop_size: is not height and width.'],
    [{ do_pad: true, pad_size: 8.5 }, 'preprocessor_config.json: pad_size: is not a number of pixels.'],
  ])('%j is refused where it is read', (settings, message) => expect(problem(settings, cropper)).toBe(message))

  it.each<[Json, string]>([
    [[384, 384], 'preprocessor_config.json: size: is not longest_edge.'],
    [{ height: 384, width: 384 }, 'preprocessor_config.json: size.height: is not supported.'],
    [{ shortest_edge: 384 }, 'preprocessor_config.json: size: is not longest_edge.'],
    [{ longest_edge: '384' }, 'preprocessor_config.json: size.longest_edge: is not a number of pixels.'],
  ])('%j is no longer edge', (size, message) => expect(problem({ size }, keeper)).toBe(message))

  it('what is switched off is not looked at', () => {
    expect(problem({ do_normalize: false, image_std: [0], do_reduce_labels: false, do_pad: false, pad_size: 'none' })).toBe('none')
  })

  it('are refused where versions of transformers make different pictures', () => {
    const both = (name: string) =>
      `preprocessor_config.json: ${name}: is obeyed by some versions of transformers and ignored by others, which makes other pictures.`
    expect(problem({ do_center_crop: true, crop_size: 224 })).toBe(both('do_center_crop'))
    expect(problem({ do_pad: true, pad_size: [400, 384] })).toBe(both('do_pad'))
    expect(problem({ do_center_crop: true, crop_size: 384 }, keeper)).toBe(both('do_center_crop'))
    expect(problem({ do_resize: false, do_pad: true, pad_size: 384 })).toBe(both('do_pad'))
    expect(problem({ do_pad: 1 })).toBe('preprocessor_config.json: do_pad: is neither true nor false.')
    const same = { do_center_crop: true, crop_size: 384, do_pad: true, pad_size: { height: 384, width: 384 } }
    for (const settings of [same, { do_center_crop: true }, { do_pad: true, size_divisor: 32 }]) expect(read(settings)).toEqual(expected)
    expect(problem({ size: 384, default_to_square: false })).toContain('default_to_square: is false, and some versions')
    expect(read({ default_to_square: false })).toEqual(expected)
  })
})

describe('files of image processors', () => {
  it('are both read where versions of transformers read one of two', () => {
    const readBoth = (settings: Settings, earlier: Settings) => {
      const imageProcessor = () => ({
        file: 'processor_config.json',
        settings,
        earlier: { file: 'preprocessor_config.json', settings: earlier },
      })
      return standardImageSettings({ ...fakeCheckpoint({}), imageProcessor }, squasher)
    }
    const written = { size: { height: 384, width: 384 }, resample: 3, do_normalize: true }
    expect(readBoth(written, { size: 384, feature_extractor_type: 'OurFeatureExtractor' })).toEqual(readBoth({}, {}))
    expect(() => readBoth(written, { resample: 2 })).toThrow(
      'processor_config.json: image_processor: makes other pictures than preprocessor_config.json, which transformers before 5 reads',
    )
    expect(() => readBoth(written, { image_processor_type: 'ViTImageProcessor' })).toThrow('preprocessor_config.json: image_processor_type')
  })

  it.each<Settings>([
    { image_processor_type: 'OurImageProcessor' },
    { image_processor_type: 'OurImageProcessorFast' },
    { image_processor_type: 'OurImageProcessorPil' },
    { feature_extractor_type: 'OurFeatureExtractor' },
    { image_processor_type: null, feature_extractor_type: null },
    { image_processor_type: 'OurImageProcessor', feature_extractor_type: 'ViTFeatureExtractor' },
    { auto_map: { AutoProcessor: 'processing_our.OurProcessor' } },
  ])('%j is ours', settings => expect(problem(settings)).toBe('none'))

  it.each<[Settings, string]>([
    [{ image_processor_type: 'ViTImageProcessor' }, 'image_processor_type: is "ViTImageProcessor", and'],
    [{ image_processor_type: 'OurImageProcessorFaster' }, 'image_processor_type: is "OurImageProcessorFaster", and'],
    [{ image_processor_type: 7 }, 'image_processor_type: is 7, and'],
    [{ feature_extractor_type: 'ViTFeatureExtractor' }, 'feature_extractor_type: is "ViTFeatureExtractor", and'],
    [{ auto_map: { AutoImageProcessor: 'image_processing_our.OurImageProcessor' } }, 'auto_map.AutoImageProcessor: is code of its own'],
    [{ auto_map: { AutoFeatureExtractor: 'ours.OurFeatureExtractor' } }, 'auto_map.AutoFeatureExtractor: is code of its own'],
  ])("%j is another's", (settings, message) => expect(problem(settings)).toContain(`preprocessor_config.json: ${message}`))
})

describe('steps of an image processor', () => {
  const steps = (settings: Settings, processor = squasher, area: readonly [number, number] = [384, 384]) =>
    imageSteps(withFile(settings), read(settings, processor), area)

  it('stand in the order of transformers', () => {
    expect(steps({})).toEqual([{ resize: [384, 384], resampling: 'bicubic' }, { rescale: 1 / 255 }, { normalize: { mean, std } }])
    const all = { size: 256, crop_size: 224, do_pad: true, pad_size: [230, 240] }
    expect(steps(all, cropper, [230, 240]).map(step => Object.keys(step)[0])).toEqual(['resize', 'crop', 'rescale', 'normalize', 'pad'])
    expect(steps({ do_resize: false, do_rescale: false, do_normalize: false })).toEqual([])
  })

  it('make what the model reads', () => {
    expect(() => steps({ size: 224 })).toThrow('size: makes pictures of 224 × 224 pixels, the model reads 384 × 384')
    expect(() => steps({ crop_size: 224 }, cropper)).toThrow('makes pictures of 224 × 224')
    expect(() => steps({ do_pad: false }, keeper)).toThrow('keeps the ratio of a picture')
    expect(() => steps({ size: 400 }, keeper)).toThrow('pad_size: is smaller than the longest edge, 400')
    expect(steps({ size: 200 }, keeper)[0]).toEqual({ resizeLongest: 200, resampling: 'bicubic' })
  })
})
