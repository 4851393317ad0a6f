/**
 * Element types. A graph computes in `fp32`, `fp16`, `int32` and `bool`; the others occur in files
 * and, from Core ML 7 on, as narrow indices.
 */
export type DType = 'fp64' | 'fp32' | 'fp16' | 'bf16' | 'int64' | 'int32' | 'int16' | 'int8' | 'uint32' | 'uint16' | 'uint8' | 'bool'

/** Elements of a tensor in memory. `bf16` is held as its bits in a Uint16Array, `bool` as 0 and 1 in a Uint8Array. */
export type NumericArray =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>

const arrays = {
  fp64: Float64Array,
  fp32: Float32Array,
  fp16: Float16Array,
  bf16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => arrays[dtype].BYTES_PER_ELEMENT

export const isFloat = (dtype: DType): boolean => dtype === 'fp32' || dtype === 'fp16' || dtype === 'bf16' || dtype === 'fp64'

/** A zeroed array of `count` elements. */
export const allocate = (dtype: DType, count: number): NumericArray => new arrays[dtype](count)

/** `count` elements, not zeroed: the beginning of `into` where that is given and fits, else a new array. */
export const room = (dtype: DType, count: number, into?: NumericArray): NumericArray =>
  into instanceof arrays[dtype] && into.length >= count ? (into.subarray(0, count) as NumericArray) : new arrays[dtype](count)

/** The elements that stand in `buffer` from `byteOffset` on, which must be a multiple of the element's size. Little-endian hosts only. */
export const viewBytes = (dtype: DType, buffer: ArrayBuffer, byteOffset: number, count: number): NumericArray =>
  new arrays[dtype](buffer, byteOffset, count)

/** The bytes of an array, without a copy. */
export const bytesOf = (data: NumericArray): Uint8Array<ArrayBuffer> => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Converts elements from one type to another: float to integer truncates toward zero, to bool is `!= 0`. May return `data` itself, or use `into`. */
export function castArray(data: NumericArray, from: DType, to: DType, into?: NumericArray): NumericArray {
  if (from === to) return data
  if (from === 'bf16') return castArray(bf16ToFp32(data as Uint16Array<ArrayBuffer>), 'fp32', to, into)
  if (to === 'bf16') return fp32ToBf16(castArray(data, from, 'fp32') as Float32Array<ArrayBuffer>)
  const out = room(to, data.length, into)
  if (to === 'bool') for (let i = 0; i < data.length; i++) out[i] = Number(data[i]) === 0 ? 0 : 1
  else if (to === 'int64') for (let i = 0; i < data.length; i++) (out as BigInt64Array)[i] = BigInt(Math.trunc(Number(data[i])))
  else if (from === 'int64') for (let i = 0; i < data.length; i++) out[i] = Number(data[i])
  else (out as Float32Array).set(data as Float32Array)
  return out
}

function bf16ToFp32(data: Uint16Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(data.length)
  for (let i = 0; i < data.length; i++) bits[i] = (data[i] as number) << 16
  return new Float32Array(bits.buffer)
}

function fp32ToBf16(data: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  const out = new Uint16Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const b = bits[i] as number
    // Round to nearest, ties to even; a NaN keeps a mantissa bit.
    out[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16
  }
  return out
}
