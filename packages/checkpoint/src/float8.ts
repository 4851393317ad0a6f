import { type Constant, room, sizeOf } from '@silane/core'

/** The two formats of 8 bits that hold weights: 4 bits of exponent and 3 of mantissa without infinities, or 5 and 2 with them. */
export type Float8 = 'fp8_e4m3' | 'fp8_e5m2'

/** A tensor of such elements as fp32, which has every one of their values. `bytes` are its elements as uint8. */
export function float8Tensor(bytes: Constant, format: Float8): Constant {
  const values = table(format)
  return {
    dtype: 'fp32',
    shape: bytes.shape,
    id: `${format}[${sizeOf(bytes.shape)}](${bytes.id})`,
    read: (start, count, into) => {
      const bits = bytes.read(start, count)
      const out = room('fp32', count, into)
      for (let i = 0; i < count; i++) out[i] = values[Number(bits[i])] as number
      return out
    },
  }
}

const tables = new Map<Float8, Float32Array>()

function table(format: Float8): Float32Array {
  const known = tables.get(format) ?? Float32Array.from({ length: 256 }, (_, bits) => (format === 'fp8_e4m3' ? e4m3(bits) : e5m2(bits)))
  tables.set(format, known)
  return known
}

function e4m3(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1
  const [exponent, mantissa] = [(bits >> 3) & 15, bits & 7]
  // The one pattern that is no number; there is no infinity.
  if (exponent === 15 && mantissa === 7) return Number.NaN
  return sign * (exponent === 0 ? mantissa / 8 / 64 : (1 + mantissa / 8) * 2 ** (exponent - 7))
}

/** The first byte of a float16. */
const e5m2 = (bits: number): number => new DataView(Uint8Array.of(bits, 0).buffer).getFloat16(0)
