import { errors } from '../errors.ts'
import type { ImageStep, Resampling } from '../graph/port.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import type { Checkpoint, ImageProcessorFile, Json } from '../plugin/checkpoint.ts'

/** How large a picture becomes: whatever its ratio was, or with its ratio kept and its longer side of this length. */
export type PictureSize = { readonly height: number; readonly width: number } | { readonly longestEdge: number }

/** One of transformers' image processors as data: which files mean it, and what it makes of what they say. */
export interface ImageProcessor {
  /**
   * Its class in transformers, such as `SamImageProcessor`. Files also spell it with `Fast` or `Pil` at the end, and earlier ones
   * `SamFeatureExtractor`.
   */
  readonly type: string
  /**
   * The settings that it has, by transformers' names, with what counts where a file does not say: `do_resize`, `size`, `resample`,
   * `do_center_crop`, `crop_size`, `do_rescale`, `rescale_factor`, `do_normalize`, `image_mean`, `image_std`, `do_pad`, `pad_size`.
   * What else stands in a file has no effect in transformers, and none here.
   */
  readonly settings: JsonObject
  /** What `size` says: height and width, and one number is a square; or the longer side, and so does one number. */
  readonly size: 'area' | 'longest_edge'
  /** Switches that some versions of this processor obey and others ignore. */
  readonly unsettled?: readonly (keyof typeof areas)[]
}

/** What is said by which setting, of the switches that take an area. */
const areas = { do_center_crop: 'crop_size', do_pad: 'pad_size' } as const

/** What an image processor does, in the order in which it does it. Undefined: it leaves that out. */
export interface ImageSettings {
  readonly resize: { readonly size: PictureSize; readonly resampling: Resampling } | undefined
  /** From the middle. */
  readonly crop: readonly [height: number, width: number] | undefined
  readonly rescale: number | undefined
  /** For each of three channels. */
  readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined
  readonly pad: readonly [height: number, width: number] | undefined
}

/** Pillow's numbers for its filters. */
const byNumber: readonly Resampling[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']

/** Settings whose null is what the processor does by itself. Null switches something off, and is no filter and no factor. */
const unsaidByNull: ReadonlySet<string> = new Set(['size', 'crop_size', 'pad_size', 'image_mean', 'image_std'])

const CHANNELS = 3

/**
 * What transformers' image processor does, typed and checked, by its settings in the checkpoint and else its own. Throws E_CONFIG, also
 * for the files of another processor, and where versions of transformers make different pictures of the same file.
 */
export function standardImageSettings(checkpoint: Checkpoint, processor: ImageProcessor): ImageSettings {
  const found = checkpoint.imageProcessor()
  const settings = settingsOf(found, processor, checkpoint.location)
  const earlier = found?.earlier
  // Of a file that was left over the settings may be written otherwise, but not be others.
  if (earlier && JSON.stringify(settingsOf(earlier, processor, checkpoint.location)) !== JSON.stringify(settings))
    throw failIn(checkpoint)('image_processor', `makes other pictures than ${earlier.file}, which transformers before 5 reads in its place`)
  return settings
}

function settingsOf(found: ImageProcessorFile | undefined, processor: ImageProcessor, where: string): ImageSettings {
  const given = found?.settings ?? {}
  const own = processor.settings
  const said = Object.entries(given).filter(([name, value]) => value !== null || !unsaidByNull.has(name))
  const settings: JsonObject = { ...own, ...Object.fromEntries(said) }
  const fail = failOf(found, where)
  refuseOthers(given, processor.type, fail)
  const truth = (name: string, value: Json): boolean => {
    if (typeof value !== 'boolean') throw fail(name, 'is neither true nor false')
    return value
  }
  const flag = (name: string): boolean => Object.hasOwn(own, name) && truth(name, settings[name] ?? false)
  const number = (name: string): number => {
    const value = settings[name]
    if (typeof value !== 'number' || !Number.isFinite(value)) throw fail(name, 'is not a number')
    return value
  }
  const pixels = (name: string, value: Json | undefined): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) throw fail(name, 'is not a number of pixels')
    return value
  }
  /** The object of these sides, without those that are null. */
  const sides = (name: string, wanted: readonly string[]): JsonObject => {
    const value = settings[name]
    const said = Object.entries(isJsonObject(value) ? value : {}).filter(([, length]) => length !== null)
    const other = said.find(([key]) => !wanted.includes(key))
    if (other) throw fail(`${name}.${other[0]}`, 'is not supported')
    return Object.fromEntries(said)
  }
  const area = (name: string): readonly [height: number, width: number] => {
    const value = settings[name]
    if (typeof value === 'number') return [pixels(name, value), value]
    if (Array.isArray(value) && value.length === 2) return [pixels(name, value[0]), pixels(name, value[1])]
    const { height, width } = sides(name, ['height', 'width'])
    if (height === undefined || width === undefined) throw fail(name, 'is not height and width')
    return [pixels(`${name}.height`, height), pixels(`${name}.width`, width)]
  }
  const longestEdge = (): number => {
    const value = settings.size
    if (typeof value === 'number') return pixels('size', value)
    // A shorter edge may stand beside it, and is not looked at.
    const { longest_edge: edge } = sides('size', ['longest_edge', 'shortest_edge'])
    if (edge === undefined) throw fail('size', 'is not longest_edge')
    return pixels('size.longest_edge', edge)
  }
  const size = (): PictureSize => {
    if (processor.size === 'longest_edge') return { longestEdge: longestEdge() }
    if (typeof settings.size === 'number' && given.default_to_square === false)
      throw fail('default_to_square', 'is false, and some versions of transformers take size for the shorter edge, others for both')
    const [height, width] = area('size')
    return { height, width }
  }
  const channels = (name: string): readonly number[] => {
    const value = settings[name]
    const list = typeof value === 'number' ? Array<Json>(CHANNELS).fill(value) : value
    if (!isNumbers(list) || list.length !== CHANNELS) throw fail(name, `is not ${CHANNELS} numbers`)
    return list
  }
  const std = (): readonly number[] => {
    const found = channels('image_std')
    if (found.includes(0)) throw fail('image_std', 'is 0, by which nothing can be divided')
    return found
  }
  const resampling = (): Resampling => {
    const found = byNumber[number('resample')]
    if (found === undefined) throw fail('resample', `is none of Pillow's filters, which are 0 to ${byNumber.length - 1}`)
    return found
  }
  const resize = flag('do_resize') ? { size: size(), resampling: resampling() } : undefined
  const squashed = resize && 'height' in resize.size ? `${resize.size.height},${resize.size.width}` : undefined
  for (const name of processor.unsettled ?? []) {
    // Without an area nothing is done by those that obey it, and nothing to a picture that has that area.
    const asked = truth(name, given[name] ?? false) && settings[areas[name]] !== undefined
    if (asked && area(areas[name]).join() !== squashed)
      throw fail(name, 'is obeyed by some versions of transformers and ignored by others, which makes other pictures')
  }
  return {
    resize,
    crop: flag('do_center_crop') ? area('crop_size') : undefined,
    rescale: flag('do_rescale') ? number('rescale_factor') : undefined,
    normalize: flag('do_normalize') ? { mean: channels('image_mean'), std: std() } : undefined,
    pad: flag('do_pad') ? area('pad_size') : undefined,
  }
}

/** The steps of these settings, of which pictures of the size that the model reads must come. Throws E_CONFIG. */
export function imageSteps(
  checkpoint: Checkpoint,
  { resize, crop, rescale, normalize, pad }: ImageSettings,
  area: readonly [height: number, width: number],
): readonly ImageStep[] {
  const fail = failIn(checkpoint)
  const squashed = resize && 'height' in resize.size ? ([resize.size.height, resize.size.width] as const) : undefined
  const longest = resize && 'longestEdge' in resize.size ? resize.size.longestEdge : undefined
  // A picture that keeps its ratio fills the frame on one side, and zeros fill the rest.
  if (longest !== undefined && !pad) throw fail('size', 'keeps the ratio of a picture, so that not all become as large')
  if (longest !== undefined && pad && longest > Math.min(...pad)) throw fail('pad_size', `is smaller than the longest edge, ${longest}`)
  const made = pad ?? crop ?? squashed
  if (made && made.join() !== area.join())
    throw fail('size', `makes pictures of ${made.join(' × ')} pixels, the model reads ${area.join(' × ')}`)
  return [
    ...(resize && squashed ? [{ resize: squashed, resampling: resize.resampling }] : []),
    ...(resize && longest !== undefined ? [{ resizeLongest: longest, resampling: resize.resampling }] : []),
    ...(crop ? [{ crop }] : []),
    ...(rescale === undefined ? [] : [{ rescale }]),
    ...(normalize ? [{ normalize }] : []),
    ...(pad ? [{ pad }] : []),
  ]
}

const failIn = (checkpoint: Checkpoint) => failOf(checkpoint.imageProcessor(), checkpoint.location)

const failOf = (found: ImageProcessorFile | undefined, where: string) => (field: string, problem: string) =>
  errors.E_CONFIG({ file: found?.file ?? 'the image processor', field, problem, where })

/** Refuses what is written for another processor, or for code beside the weights: this one would make other pictures of it. */
function refuseOthers(settings: ImageProcessorFile['settings'], type: string, fail: ReturnType<typeof failOf>): void {
  const code = isJsonObject(settings.auto_map) ? settings.auto_map : {}
  for (const name of ['AutoImageProcessor', 'AutoFeatureExtractor'])
    if (code[name] != null) throw fail(`auto_map.${name}`, 'is code of its own, which is not run')
  // The latter is what files of before transformers 4.25 say, and is not looked at beside the former.
  const field = settings.image_processor_type == null ? 'feature_extractor_type' : 'image_processor_type'
  const named = settings[field]
  if (named == null) return
  if (typeof named !== 'string' || named.replace(/(?:Fast|Pil)$/, '').replace('FeatureExtractor', 'ImageProcessor') !== type)
    throw fail(field, `is ${JSON.stringify(named)}, and pictures for this model are read as ${type} does`)
}

const isNumbers = (value: Json | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every(item => typeof item === 'number' && Number.isFinite(item))
