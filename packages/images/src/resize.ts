import type { Resampling } from '@silane/core'
import { errors } from './errors.ts'
import { PIXEL_LIMIT, type Picture } from './picture.ts'

interface Filter {
  /** Half the width of the filter's domain. */
  readonly support: number
  readonly at: (x: number) => number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI))

// Pillow writes these two as float literals.
const [hammingBase, hammingWave] = [Math.fround(0.54), Math.fround(0.46)]

/** The filters as Pillow defines them. The order of operations is part of the definition: it decides the last bit. */
const filters: Readonly<Record<Exclude<Resampling, 'nearest'>, Filter>> = {
  box: { support: 0.5, at: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: x => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    at: signed => {
      const x = Math.abs(signed)
      if (x === 0) return 1
      if (x >= 1) return 0
      return (Math.sin(x * Math.PI) / (x * Math.PI)) * (hammingBase + hammingWave * Math.cos(x * Math.PI))
    },
  },
  bicubic: {
    support: 2,
    at: signed => {
      const x = Math.abs(signed)
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
    },
  },
  lanczos: { support: 3, at: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/** Bits behind the point: 32 less 8 for the result and 2 for filters whose partial sums leave its range. */
const PRECISION = 32 - 8 - 2
const HALF = 1 << (PRECISION - 1)

/** For each place of the result: where its window starts, how long it is, and its weights, `stride` apart. */
interface Windows {
  readonly starts: Int32Array
  readonly counts: Int32Array
  readonly weights: Int32Array
  readonly stride: number
}

/** The weights of one axis, in fixed point. They widen with the factor when the picture shrinks, and sum to 1 at the borders too. */
function windowsOf(from: number, to: number, { support, at }: Filter): Windows {
  const scale = from / to
  const widened = Math.max(scale, 1)
  const reach = support * widened
  const stride = Math.ceil(reach) * 2 + 1
  const [starts, counts, weights] = [new Int32Array(to), new Int32Array(to), new Int32Array(to * stride)]
  const exact = new Float64Array(stride)
  const inverse = 1 / widened
  for (let place = 0; place < to; place++) {
    const center = (place + 0.5) * scale
    const start = Math.max(0, Math.trunc(center - reach + 0.5))
    const count = Math.min(from, Math.trunc(center + reach + 0.5)) - start
    let sum = 0
    for (let i = 0; i < count; i++) {
      const weight = at((i + start - center + 0.5) * inverse)
      exact[i] = weight
      sum += weight
    }
    for (let i = 0; i < count; i++) {
      const weight = sum === 0 ? (exact[i] as number) : (exact[i] as number) / sum
      const fixed = weight * (1 << PRECISION)
      weights[place * stride + i] = Math.trunc(weight < 0 ? fixed - 0.5 : fixed + 0.5)
    }
    starts[place] = start
    counts[place] = count
  }
  return { starts, counts, weights, stride }
}

/** [rows, from, 3] → [rows, to, 3] */
function alongRows(data: Uint8Array, rows: number, from: number, to: number, { starts, counts, weights, stride }: Windows): Uint8Array {
  const out = new Uint8ClampedArray(rows * to * 3)
  let target = 0
  for (let y = 0; y < rows; y++) {
    const row = y * from * 3
    for (let x = 0; x < to; x++) {
      let source = row + (starts[x] as number) * 3
      let weight = x * stride
      let [red, green, blue] = [HALF, HALF, HALF]
      for (const end = weight + (counts[x] as number); weight < end; weight++, source += 3) {
        const w = weights[weight] as number
        red = (red + Math.imul(data[source] as number, w)) | 0
        green = (green + Math.imul(data[source + 1] as number, w)) | 0
        blue = (blue + Math.imul(data[source + 2] as number, w)) | 0
      }
      out[target++] = red >> PRECISION
      out[target++] = green >> PRECISION
      out[target++] = blue >> PRECISION
    }
  }
  return new Uint8Array(out.buffer)
}

/** [from, width, 3] → [to, width, 3], a row of sums at a time, so that memory is read in order. */
function downColumns(data: Uint8Array, width: number, to: number, { starts, counts, weights, stride }: Windows): Uint8Array {
  const line = width * 3
  const out = new Uint8ClampedArray(to * line)
  const sums = new Int32Array(line)
  for (let y = 0; y < to; y++) {
    sums.fill(HALF)
    const [start, count] = [starts[y] as number, counts[y] as number]
    for (let i = 0; i < count; i++) {
      const w = weights[y * stride + i] as number
      const row = (start + i) * line
      for (let x = 0; x < line; x++) sums[x] = (sums[x] as number) + Math.imul(data[row + x] as number, w)
    }
    const target = y * line
    for (let x = 0; x < line; x++) out[target + x] = (sums[x] as number) >> PRECISION
  }
  return new Uint8Array(out.buffer)
}

/** Which pixel of an axis stands at each place. Pillow adds the factor up instead of multiplying, and so must we. */
function nearestPlaces(from: number, to: number): Int32Array {
  const step = from / to
  const places = new Int32Array(to)
  let at = step * 0.5
  for (let i = 0; i < to; i++, at += step) places[i] = Math.min(Math.trunc(at), from - 1)
  return places
}

function nearest({ data, width }: Picture, columns: Int32Array, rows: Int32Array): Uint8Array {
  const out = new Uint8Array(rows.length * columns.length * 3)
  let target = 0
  for (const y of rows) {
    for (const x of columns) {
      const source = (y * width + x) * 3
      out[target++] = data[source] as number
      out[target++] = data[source + 1] as number
      out[target++] = data[source + 2] as number
    }
  }
  return out
}

/**
 * Whether columns go before rows. Pillow does so since 13 where the height shrinks by more than twice what the width does; until 12 it
 * never did. Bytes are rounded between the passes, so the order shows in the last one or two steps of a few pixels.
 */
const columnsFirst = (picture: Picture, width: number, height: number, pillow: PillowOrder): boolean =>
  pillow >= 13 && height < picture.height && picture.height - height > 2 * (picture.width - width)

/** Which Pillow's order of passes: 13 and later, or that of all before. */
export type PillowOrder = 12 | 13

/**
 * The picture at this size, byte for byte what Pillow's `Image.resize` gives: weights in fixed point, a pass along rows and one down
 * columns, rounded to bytes between the two.
 */
export function resize(picture: Picture, width: number, height: number, resampling: Resampling, pillow: PillowOrder = 13): Picture {
  if (![width, height].every(side => Number.isSafeInteger(side) && side >= 1))
    throw errors.E_IMAGE_ARGUMENT({ what: `A picture of ${width} × ${height} pixels`, problem: 'sides are whole numbers from 1 on' })
  if (width * height > PIXEL_LIMIT) throw errors.E_IMAGE_SIZE({ what: 'A resized picture', width, height, limit: PIXEL_LIMIT })
  if (width === picture.width && height === picture.height) return picture
  if (resampling === 'nearest')
    return { ...picture, width, height, data: nearest(picture, nearestPlaces(picture.width, width), nearestPlaces(picture.height, height)) }
  const filter = filters[resampling]
  const rows = (given: Picture): Picture =>
    given.width === width
      ? given
      : { ...given, width, data: alongRows(given.data, given.height, given.width, width, windowsOf(given.width, width, filter)) }
  const columns = (given: Picture): Picture =>
    given.height === height
      ? given
      : { ...given, height, data: downColumns(given.data, given.width, height, windowsOf(given.height, height, filter)) }
  return columnsFirst(picture, width, height, pillow) ? rows(columns(picture)) : columns(rows(picture))
}
