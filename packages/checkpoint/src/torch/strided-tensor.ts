import { allocate, byteSize, type Constant, type DType, type NumericArray, sizeOf } from '@silane/core'
import { fileTensor } from '../file-tensor.ts'
import type { RandomAccessFile } from '../random-access-file.ts'

/** Elements in a row from which on a row is read by itself: one system call then costs less than the copy it saves. */
const LONG_ROW = 4096

/** Reads a view of a storage that begins at byte `start` of the file. `offset` and `strides` count elements. */
export function stridedTensor(
  file: RandomAccessFile,
  start: number,
  dtype: DType,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Constant {
  const begin = start + offset * byteSize(dtype)
  if (sizeOf(shape) === 0 || isContiguous(shape, strides)) return fileTensor(file, begin, dtype, shape)
  const span = shape.reduce((sum, dim, axis) => sum + (dim - 1) * (strides[axis] ?? 0), 1)
  const source = fileTensor(file, begin, dtype, [span])
  const size = sizeOf(shape)
  const row = shape.at(-1) ?? 1
  const rows = strides.at(-1) === 1 && row >= LONG_ROW
  let whole: NumericArray | undefined
  return {
    dtype,
    shape,
    id: `${file.name}@${begin}:${dtype}[${shape}]/[${strides}]`,
    read: (first, count) => {
      if (first < 0 || count < 0 || first + count > size) throw new RangeError(`elements ${first} to ${first + count} of ${size}`)
      const out = allocate(dtype, count)
      if (rows) {
        for (let done = 0; done < count; ) {
          const length = Math.min(row - ((first + done) % row), count - done)
          copy(out, source.read(place(shape, strides, first + done), length), done)
          done += length
        }
        return out
      }
      // Neighbours of the result are far apart in the file, so all that the view spans is kept while it is read from front to end.
      whole ??= source.read(0, span)
      gather(out, whole, shape, strides, first)
      if (first + count === size) whole = undefined
      return out
    },
  }
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis] ?? 1
    // The stride of an axis with one element says nothing.
    if (dim !== 1 && strides[axis] !== step) return false
    step *= dim
  }
  return true
}

/** Where the element with a row-major index stands. */
function place(shape: readonly number[], strides: readonly number[], index: number): number {
  let at = 0
  let rest = index
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis] ?? 1
    at += (rest % dim) * (strides[axis] ?? 0)
    rest = Math.floor(rest / dim)
  }
  return at
}

function gather(out: NumericArray, source: NumericArray, shape: readonly number[], strides: readonly number[], first: number): void {
  const row = shape.at(-1) ?? 1
  const step = strides.at(-1) ?? 0
  for (let done = 0; done < out.length; ) {
    let at = place(shape, strides, first + done)
    const end = done + Math.min(row - ((first + done) % row), out.length - done)
    for (; done < end; done++, at += step) out[done] = source[at] as never
  }
}

const copy = (target: NumericArray, source: NumericArray, at: number): void => (target as Float32Array).set(source as Float32Array, at)
