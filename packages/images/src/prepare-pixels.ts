import type { ImageStep } from '@silane/core'
import { errors } from './errors.ts'
import { PIXEL_LIMIT, type Picture } from './picture.ts'
import type { Sizes } from './planes.ts'
import { type PillowOrder, resize } from './resize.ts'

/** What a program reads of a picture, and what its host needs to know later. */
export interface Pixels extends Sizes {
  readonly shape: readonly [batch: 1, channels: 3, height: number, width: number]
  readonly data: Float32Array<ArrayBuffer>
}

/** A picture on its way: bytes at first, floats from the first step on that computes with them. [height, width, 3] */
interface Stage {
  readonly height: number
  readonly width: number
  readonly data: Uint8Array | Float32Array
}

/**
 * Runs the steps of an image port on a picture, in the arithmetic of transformers' slow image processors: bytes until they are
 * rescaled, a rescale in double precision that is rounded to fp32, and from there fp32 throughout. Gives [1, 3, H, W].
 */
export function preparePixels(picture: Picture, steps: readonly ImageStep[], pillow?: PillowOrder): Pixels {
  let stage: Stage = picture
  let resized: Stage | undefined
  for (const step of steps) {
    if ('pad' in step) resized ??= stage
    stage = run(stage, step, pillow)
  }
  const { height, width } = stage
  resized ??= stage
  return {
    shape: [1, 3, height, width],
    data: channelsFirst(stage),
    original: [picture.height, picture.width],
    resized: [resized.height, resized.width],
  }
}

function run(stage: Stage, step: ImageStep, pillow?: PillowOrder): Stage {
  const { height, width, data } = stage
  const impossible = (name: string, problem: string) => errors.E_IMAGE_STEP({ step: name, width, height, problem })
  const resizeTo = (name: string, H: number, W: number, how: Parameters<typeof resize>[3]): Stage => {
    if (H < 1 || W < 1) throw impossible(name, `it would become ${W} × ${H}`)
    if (!(data instanceof Uint8Array))
      throw errors.E_IMAGE_ARGUMENT({ what: name, problem: 'only bytes are resized, before they are rescaled' })
    return resize({ height, width, data, notes: [] }, W, H, how, pillow)
  }
  if ('resize' in step) return resizeTo('resize', step.resize[0], step.resize[1], step.resampling)
  if ('resizeLongest' in step) {
    const scale = step.resizeLongest / Math.max(height, width)
    return resizeTo('resizeLongest', Math.floor(height * scale + 0.5), Math.floor(width * scale + 0.5), step.resampling)
  }
  if ('crop' in step) return middle(stage, step.crop[0], step.crop[1])
  if ('cropSquare' in step) {
    const side = Math.trunc(step.cropSquare * Math.min(height, width))
    if (side < 1) throw impossible('cropSquare', 'nothing would be left')
    return middle(stage, side, side)
  }
  const computed = (name: string, of: (channel: number) => (value: number) => number): Stage => {
    const result = each(data, of)
    if (!result.every(Number.isFinite)) throw impossible(name, 'it makes numbers that are not finite')
    return { height, width, data: result }
  }
  if ('rescale' in step) return computed('rescale', () => value => value * step.rescale)
  if ('normalize' in step) return computed('normalize', normalizer(step.normalize))
  const [H, W] = step.pad
  if (H < height || W < width) throw impossible('pad', `it is larger than ${W} × ${H}`)
  return framed(stage, 0, 0, H, W)
}

function normalizer({ mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] }) {
  for (const [name, list] of Object.entries({ mean, std }))
    if (list.length !== 3 || !list.every(Number.isFinite) || (name === 'std' && list.includes(0)))
      throw errors.E_IMAGE_ARGUMENT({
        what: `normalize: ${name}`,
        problem: `[${list.join(', ')}] are not three numbers for red, green and blue`,
      })
  return (channel: number) => {
    const [m, s] = [Math.fround(mean[channel] as number), Math.fround(std[channel] as number)]
    return (value: number) => Math.fround(value - m) / s
  }
}

/** A function of each channel over its values; storing rounds to fp32. Of bytes there are 256 results. */
function each(data: Stage['data'], of: (channel: number) => (value: number) => number): Float32Array {
  const out = new Float32Array(data.length)
  for (let channel = 0; channel < 3; channel++) {
    const compute = of(channel)
    if (data instanceof Uint8Array) {
      const table = Float32Array.from({ length: 256 }, (_, byte) => compute(byte))
      for (let i = channel; i < data.length; i += 3) out[i] = table[data[i] as number] as number
    } else for (let i = channel; i < data.length; i += 3) out[i] = compute(data[i] as number)
  }
  return out
}

/** Cut from the middle; of an odd rest the larger half is cut on the right and below, or put on the left and above. */
const middle = (stage: Stage, height: number, width: number): Stage =>
  framed(stage, Math.floor((stage.height - height) / 2), Math.floor((stage.width - width) / 2), height, width)

/** The part that begins at this row and column, with zeros where there is no picture. */
function framed({ data, height, width }: Stage, top: number, left: number, H: number, W: number): Stage {
  if (H * W > PIXEL_LIMIT) throw errors.E_IMAGE_SIZE({ what: 'A picture with its border', width: W, height: H, limit: PIXEL_LIMIT })
  const out = data instanceof Uint8Array ? new Uint8Array(H * W * 3) : new Float32Array(H * W * 3)
  const [from, to] = [Math.max(0, left), Math.min(width, left + W)]
  for (let y = Math.max(0, top); y < Math.min(height, top + H); y++)
    out.set(data.subarray((y * width + from) * 3, (y * width + to) * 3), ((y - top) * W + from - left) * 3)
  return { height: H, width: W, data: out }
}

function channelsFirst({ data, height, width }: Stage): Float32Array<ArrayBuffer> {
  const plane = height * width
  const out = new Float32Array(3 * plane)
  for (let from = 0, to = 0; to < plane; from += 3, to++) {
    out[to] = data[from] as number
    out[to + plane] = data[from + 1] as number
    out[to + 2 * plane] = data[from + 2] as number
  }
  return out
}
