import { errors } from '../errors.ts'
import type { ImageStep, Resampling } from '../graph/port.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'

/** How large a picture becomes: whatever its ratio was, or with its ratio kept and one side of this length. */
export type PictureSize =
  | { readonly height: number; readonly width: number }
  | { readonly shortestEdge: number; readonly longestEdge?: number | undefined }
  | { readonly longestEdge: number }

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

const CHANNELS = 3

/** Switches of transformers' processors that mean something here, and one that says what every reader of pictures does. */
const known: ReadonlySet<string> = new Set(['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_pad', 'do_convert_rgb'])

/**
 * The settings that transformers' image processors have in common, typed and checked. What the checkpoint does not say, or says null
 * to, is as in `defaults`, those of the family's processor in transformers' own names (`do_resize`, `size`, `resample`, `do_center_crop`,
 * `crop_size`, `do_rescale`, `rescale_factor`, `do_normalize`, `image_mean`, `image_std`, `do_pad`, `pad_size`). Throws E_CONFIG.
 */
export function standardImageSettings(checkpoint: Checkpoint, defaults: JsonObject): ImageSettings {
  const given = Object.entries(checkpoint.imageProcessor()?.settings ?? {}).filter(([, value]) => value !== null)
  const settings: JsonObject = { ...defaults, ...Object.fromEntries(given) }
  const fail = failIn(checkpoint)
  const flag = (name: string): boolean => {
    const value = settings[name] ?? false
    if (typeof value !== 'boolean') throw fail(name, 'is neither true nor false')
    return value
  }
  const number = (name: string): number => {
    const value = settings[name]
    if (typeof value !== 'number' || !Number.isFinite(value)) throw fail(name, 'is not a number')
    return value
  }
  const pixels = (name: string, value: Json | undefined): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) throw fail(name, 'is not a number of pixels')
    return value
  }
  const size = (name: string): PictureSize => {
    const value = settings[name]
    // One number is a square, two are height and width.
    if (typeof value === 'number') return { height: pixels(name, value), width: value }
    if (Array.isArray(value) && value.length === 2) return { height: pixels(name, value[0]), width: pixels(name, value[1]) }
    const { height, width, shortest_edge, longest_edge, ...others } = isJsonObject(value) ? value : {}
    const [other] = Object.keys(others).filter(key => others[key] !== null)
    if (other !== undefined) throw fail(`${name}.${other}`, 'is not supported')
    const side = (key: string, length: Json | undefined) => (length == null ? undefined : pixels(`${name}.${key}`, length))
    const [high, wide] = [side('height', height), side('width', width)]
    const [shortest, longest] = [side('shortest_edge', shortest_edge), side('longest_edge', longest_edge)]
    if (high !== undefined && wide !== undefined && shortest === undefined && longest === undefined) return { height: high, width: wide }
    if (high !== undefined || wide !== undefined) throw fail(name, 'is neither height and width nor one edge')
    if (shortest !== undefined) return { shortestEdge: shortest, longestEdge: longest }
    if (longest !== undefined) return { longestEdge: longest }
    throw fail(name, 'is no size')
  }
  const area = (name: string): readonly [height: number, width: number] => {
    const found = size(name)
    if ('height' in found) return [found.height, found.width]
    throw fail(name, 'is not height and width')
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
  for (const name of Object.keys(settings)) {
    if (name.startsWith('do_') && !known.has(name) && flag(name)) throw fail(name, 'is not supported')
  }
  return {
    resize: flag('do_resize') ? { size: size('size'), resampling: resampling() } : undefined,
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
  // A picture that keeps its ratio fills the frame on one side, and zeros fill the rest.
  const longest = resize && pad && 'longestEdge' in resize.size && !('shortestEdge' in resize.size) ? resize.size.longestEdge : undefined
  if (longest !== undefined && pad && longest > Math.min(...pad)) throw fail('pad_size', `is smaller than the longest edge, ${longest}`)
  if (resize && longest === undefined && !('height' in resize.size))
    throw fail('size', 'keeps the ratio of a picture, so that not all become as large')
  const squashed = resize && 'height' in resize.size ? ([resize.size.height, resize.size.width] as const) : undefined
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

const failIn = (checkpoint: Checkpoint) => (field: string, problem: string) =>
  errors.E_CONFIG({
    file: checkpoint.imageProcessor()?.file ?? 'the image processor',
    field,
    problem,
    where: checkpoint.location,
  })

const isNumbers = (value: Json | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every(item => typeof item === 'number' && Number.isFinite(item))
