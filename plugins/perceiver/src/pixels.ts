import {
  type Checkpoint,
  errors,
  type ImageProcessor,
  type ImageSettings,
  type ImageStep,
  image,
  type Port,
  type Resampling,
  standardImageSettings,
} from '@silane/core'

type Size = readonly [height: number, width: number]

/** transformers' `PerceiverImageProcessor`, which crops before it resizes. */
const processor: ImageProcessor = {
  type: 'PerceiverImageProcessor',
  settings: {
    do_center_crop: true,
    crop_size: { height: 256, width: 256 },
    do_resize: true,
    size: { height: 224, width: 224 },
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  },
  size: 'area',
}

/** The pixels that a model reads: how many, and how a picture becomes them. */
export interface Pixels {
  readonly size: Size
  readonly port: Port
}

/**
 * The pixels of an image classifier. Their size is the model's where it has one, else what the option says, else what the image processor
 * makes. Throws E_OPTION and E_CONFIG.
 */
export function readPixels(checkpoint: Checkpoint, asked: string | undefined, own: Size | undefined, picture: boolean): Pixels {
  const wanted = asked === undefined ? undefined : parseSize(asked)
  if (own && wanted && own.join() !== wanted.join())
    throw errors.E_OPTION({ option: 'image-size', problem: `${asked} is not ${own.join('x')}, for which this model has positions` })
  const settings = standardImageSettings(checkpoint, processor)
  const size = wanted ?? own ?? sizeOfProcessor(checkpoint, settings)
  const made = resized(checkpoint, settings).size
  if (!wanted && checkpoint.imageProcessor() && made.join() !== size.join())
    throw fail(checkpoint, 'size', `makes pictures of ${made.join(' × ')} pixels, the model reads ${size.join(' × ')}`)
  return { size, port: image(steps(checkpoint, settings, size), { picture }) }
}

function parseSize(text: string): Size {
  const [, height, width] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? []
  if (height === undefined || width === undefined)
    throw errors.E_OPTION({ option: 'image-size', problem: `"${text}" is not HEIGHTxWIDTH, such as 224x224` })
  return [Number(height), Number(width)]
}

function sizeOfProcessor(checkpoint: Checkpoint, settings: ImageSettings): Size {
  if (checkpoint.imageProcessor()) return resized(checkpoint, settings).size
  throw errors.E_OPTION({
    option: 'image-size',
    problem: 'neither the model nor an image processor says how large an image is',
    next: 'Add --option image-size=224x224, or the size that you want.',
  })
}

/** What the processor resizes to. */
function resized(checkpoint: Checkpoint, { resize }: ImageSettings): { readonly size: Size; readonly resampling: Resampling } {
  if (!resize) throw fail(checkpoint, 'do_resize', 'is false, so that pictures would come in any size')
  if (!('height' in resize.size)) throw fail(checkpoint, 'size', 'is not height and width')
  return { size: [resize.size.height, resize.size.width], resampling: resize.resampling }
}

/** From the middle a square, then to the size of the model: an option that says another one than the processor does means just that. */
function steps(checkpoint: Checkpoint, settings: ImageSettings, size: Size): readonly ImageStep[] {
  const { crop, rescale, normalize } = settings
  const made = resized(checkpoint, settings)
  return [
    ...(crop ? [{ cropSquare: shareOf(checkpoint, crop, made.size) }] : []),
    { resize: size, resampling: made.resampling },
    ...(rescale === undefined ? [] : [{ rescale }]),
    ...(normalize ? [{ normalize }] : []),
  ]
}

/** How much of the shorter side the crop leaves: `size` to `crop_size`, for height and width alike. */
function shareOf(checkpoint: Checkpoint, crop: Size, size: Size): number {
  const [share, across] = [size[0] / crop[0], size[1] / crop[1]]
  if (share !== across) throw fail(checkpoint, 'crop_size', 'has another ratio of height to width than size, which would crop no square')
  if (share > 1) throw fail(checkpoint, 'crop_size', 'is smaller than size, which would crop more than there is')
  return share
}

const fail = (checkpoint: Checkpoint, field: string, problem: string) =>
  errors.E_CONFIG({ file: checkpoint.imageProcessor()?.file ?? 'the image processor', field, problem, where: checkpoint.location })
