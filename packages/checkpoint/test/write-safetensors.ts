import { bytesOf, type DType, type NumericArray, sizeOf } from '@silane/core'

const names: Readonly<Record<DType, string>> = {
  fp64: 'F64',
  fp32: 'F32',
  fp16: 'F16',
  bf16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
}

/** A header as it is given, followed by bytes. */
export function rawSafetensors(header: unknown, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const out = new Uint8Array(8 + text.length + data.length)
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true)
  out.set(text, 8)
  out.set(data, 8 + text.length)
  return out
}

export interface Given {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: NumericArray
}

/** A file with the given tensors. */
export function safetensors(tensors: Readonly<Record<string, Given>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  const parts: Uint8Array[] = []
  let at = 0
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    if (sizeOf(shape) !== data.length) throw new RangeError(name)
    header[name] = { dtype: names[dtype], shape, data_offsets: [at, at + data.byteLength] }
    parts.push(bytesOf(data))
    at += data.byteLength
  }
  return rawSafetensors(header, Buffer.concat(parts))
}

/** Fp32 tensors of one element each. */
export const scalars = (values: Readonly<Record<string, number>>): Uint8Array =>
  safetensors(
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, { dtype: 'fp32', shape: [1], data: new Float32Array([value]) }]),
    ),
  )
