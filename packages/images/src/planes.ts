import { errors } from './errors.ts'
import type { Size } from './picture.ts'

/** Planes of numbers, such as the logits of masks. */
export interface Planes {
  readonly shape: readonly [count: number, height: number, width: number]
  readonly data: Float32Array
}

const { fround } = Math

/**
 * a·b + c, rounded once, as torch's kernels multiply and add: the product of two fp32 is exact in a double. Only the sum is rounded
 * twice, which shows in one case out of some 10⁸.
 */
const fma = (a: number, b: number, c: number): number => fround(a * b + c)

/** The two neighbours of each place and their weights, from half-pixel centres. */
function neighbours(from: number, to: number) {
  const [low, high] = [new Int32Array(to), new Int32Array(to)]
  const [lowWeight, highWeight] = [new Float32Array(to), new Float32Array(to)]
  const scale = fround(from / to)
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, fma(scale, i + 0.5, -0.5))
    const first = Math.min(Math.trunc(at), from - 1)
    low[i] = first
    high[i] = Math.min(first + 1, from - 1)
    const rest = Math.min(fround(at - first), 1)
    highWeight[i] = rest
    lowWeight[i] = 1 - rest
  }
  return { low, high, lowWeight, highWeight }
}

/**
 * [N, h, w] → [N, H, W], as torch's `interpolate(mode='bilinear', align_corners=False)` computes it on a CPU in fp32: half-pixel
 * centres, borders repeated, no widening when it shrinks. `part` is how much of the result is wanted, from the top left.
 */
export function resizeBilinear(planes: Planes, [height, width]: Size, part: Size = [height, width]): Planes {
  const [count, h, w] = planes.shape
  if (count * h * w !== planes.data.length)
    throw errors.E_IMAGE_ARGUMENT({
      what: 'Planes to resize',
      problem: `[${planes.shape.join(', ')}] does not hold ${planes.data.length} numbers`,
    })
  const [rows, columns] = [neighbours(h, height), neighbours(w, width)]
  const [H, W] = [Math.min(part[0], height), Math.min(part[1], width)]
  const data = new Float32Array(count * H * W)
  /** A row of the source, wide already. Neighbouring rows of the result share theirs. */
  const widen = (row: number, line: Float32Array): Float32Array => {
    const start = row * w
    for (let x = 0; x < W; x++) {
      const [left, right] = [start + (columns.low[x] as number), start + (columns.high[x] as number)]
      const rest = fround((planes.data[right] as number) * (columns.highWeight[x] as number))
      line[x] = fma(planes.data[left] as number, columns.lowWeight[x] as number, rest)
    }
    return line
  }
  let [upper, lower] = [new Float32Array(W), new Float32Array(W)]
  let [upperRow, lowerRow] = [-1, -1]
  for (let plane = 0, target = 0; plane < count; plane++) {
    for (let y = 0; y < H; y++) {
      const [above, below] = [plane * h + (rows.low[y] as number), plane * h + (rows.high[y] as number)]
      if (above === lowerRow) [upper, lower, upperRow, lowerRow] = [lower, upper, lowerRow, upperRow]
      if (above !== upperRow) widen(above, upper)
      if (below !== lowerRow) widen(below, lower)
      upperRow = above
      lowerRow = below
      const [upperWeight, lowerWeight] = [rows.lowWeight[y] as number, rows.highWeight[y] as number]
      for (let x = 0; x < W; x++) data[target++] = fma(upper[x] as number, upperWeight, fround((lower[x] as number) * lowerWeight))
    }
  }
  return { shape: [count, H, W], data }
}

/** The sizes that a picture had on its way to the pixels of a program. */
export interface Sizes {
  /** Of the picture that was read. */
  readonly original: Size
  /** Resized, before anything was put beside it. */
  readonly resized: Size
}

/**
 * Masks of the picture from a program's logits [N, h, w], of which each plane stands for the padded square that the program read: made
 * as large as that, cut to the resized picture, made as large as the original, and compared. Two resizes do not merge into one.
 * Gives [N, H, W] of 0 and 1.
 */
export function masksOfPicture(logits: Planes, padded: Size, { original, resized }: Sizes, threshold = 0): Uint8Array {
  const [count, h, w] = logits.shape
  const [height, width] = original
  const masks = new Uint8Array(count * height * width)
  for (let plane = 0, target = 0; plane < count; plane++) {
    const shape = [1, h, w] as const
    const small = { shape, data: logits.data.subarray(plane * h * w, (plane + 1) * h * w) }
    for (const logit of resizeBilinear(resizeBilinear(small, padded, resized), original).data) masks[target++] = Number(logit > threshold)
  }
  return masks
}
