import { byteSize, bytesOf, type Constant, type DType, room, sizeOf } from '@silane/core'
import type { ByteSource } from './byte-source.ts'

/** A tensor whose elements stand one after the other in a file, from `offset` on. */
export function fileTensor(file: ByteSource, offset: number, dtype: DType, shape: readonly number[]): Constant {
  const size = sizeOf(shape)
  const width = byteSize(dtype)
  return {
    dtype,
    shape,
    // The place says what the elements are, whatever tensors they are seen as: tied weights have one id.
    id: `${file.name}@${offset}:${dtype}[${size}]`,
    // Booleans are made 0 and 1 while they are read.
    ...(dtype === 'bool' || file.path === undefined ? {} : { at: { file: file.path, offset } }),
    read: (start, count, into) => {
      if (start < 0 || count < 0 || start + count > size) throw new RangeError(`elements ${start} to ${start + count} of ${size}`)
      const data = room(dtype, count, into)
      file.readInto(bytesOf(data), offset + start * width)
      // What reads booleans counts on 0 and 1; a file may hold any byte.
      if (dtype === 'bool') for (let i = 0; i < count; i++) data[i] = data[i] === 0 ? 0 : 1
      return data
    },
  }
}
