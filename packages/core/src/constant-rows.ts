import { type Constant, readAll, sizeOf } from './constant.ts'
import { allocate, castArray } from './dtype.ts'

/** What is made of one row: `write` puts it into `out` from `at` on. */
type RowWriter = (row: Float64Array, out: Float64Array, at: number) => void

/**
 * Each row of the last axis made into another one, of `width` elements, computed in double precision and rounded once. `id` names what is
 * computed. `begin` reads what all rows need, once for each pass over the result.
 */
function rowsConstant(base: Constant, width: number, id: string, begin: () => RowWriter): Constant {
  const inner = base.shape.at(-1) as number
  const shape = base.shape.with(-1, width)
  const size = sizeOf(shape)
  let write: RowWriter | undefined
  return {
    dtype: base.dtype,
    shape,
    id,
    read: (start, count) => {
      write ??= begin()
      const first = Math.floor(start / width)
      const rows = Math.ceil((start + count) / width) - first
      const source = castArray(base.read(first * inner, rows * inner), base.dtype, 'fp64') as Float64Array
      const out = new Float64Array(rows * width)
      for (let row = 0; row < rows; row++) write(source.subarray(row * inner, (row + 1) * inner), out, row * width)
      if (start + count === size) write = undefined
      const from = start - first * width
      return castArray(out.subarray(from, from + count), 'fp64', base.dtype, allocate(base.dtype, count))
    },
  }
}

const doubles = (constant: Constant): Float64Array => castArray(readAll(constant), constant.dtype, 'fp64') as Float64Array

const named = (parts: readonly (Constant | undefined)[]): string => parts.map(part => (part ? `${part.id}[${part.shape}]` : '')).join(',')

/** x·Wᵀ + bias over the last axis: x […, in], weight [out, in], bias [out]. */
export function linearConstant(x: Constant, weight: Constant, bias?: Constant): Constant {
  const [out, inner] = weight.shape as [number, number]
  return rowsConstant(x, out, `linear(${named([x, weight, bias])})`, () => {
    // Turned, so that the innermost loop runs along a row of it.
    const stored = doubles(weight)
    const turned = new Float64Array(stored.length)
    for (let i = 0; i < inner; i++) for (let j = 0; j < out; j++) turned[i * out + j] = stored[j * inner + i] as number
    const start = bias ? doubles(bias) : new Float64Array(out)
    const sums = new Float64Array(out)
    return (row, result, at) => {
      sums.set(start)
      for (let i = 0, k = 0; i < inner; i++) {
        const factor = row[i] as number
        for (let j = 0; j < out; j++, k++) sums[j] = (sums[j] as number) + factor * (turned[k] as number)
      }
      result.set(sums, at)
    }
  })
}

/** (x − mean) / √(variance + epsilon) · gamma + beta over the last axis. */
export function layerNormConstant(x: Constant, gamma: Constant | undefined, beta: Constant | undefined, epsilon: number): Constant {
  const width = x.shape.at(-1) as number
  return rowsConstant(x, width, `layer_norm:${epsilon}(${named([x, gamma, beta])})`, () => {
    const scale = gamma ? doubles(gamma) : new Float64Array(width).fill(1)
    const shift = beta ? doubles(beta) : new Float64Array(width)
    return (row, result, at) => {
      const mean = row.reduce((sum, v) => sum + v, 0) / width
      const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width
      const factor = 1 / Math.sqrt(variance + epsilon)
      for (let i = 0; i < width; i++) result[at + i] = ((row[i] as number) - mean) * factor * (scale[i] as number) + (shift[i] as number)
    }
  })
}
