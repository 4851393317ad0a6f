import type { Random } from '../random.ts'

/** Numbers at which lengths, counts and offsets change their nature. */
export const EDGES: readonly number[] = [
  0,
  1,
  2,
  3,
  7,
  8,
  15,
  16,
  63,
  64,
  127,
  128,
  255,
  256,
  1023,
  1024,
  4096,
  16384,
  32767,
  32768,
  65535,
  65536,
  1e6,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
]

/** Writes an edge as an integer of 1, 2, 4 or 8 bytes, little- or big-endian. */
function putEdge(bytes: Buffer, random: Random): void {
  const width = random.pick([1, 2, 4, 8])
  if (bytes.length < width) return
  const at = random.int(bytes.length - width + 1)
  const value = BigInt.asUintN(8 * width, BigInt(random.pick(EDGES)) + BigInt(random.int(3) - 1))
  const little = random.once(2)
  for (let i = 0; i < width; i++) bytes[at + (little ? i : width - 1 - i)] = Number((value >> BigInt(8 * i)) & 0xffn)
}

/** One change to bytes whose format is not looked at. */
function once(bytes: Buffer, random: Random): Buffer {
  const at = random.int(Math.max(1, bytes.length))
  const length = 1 + random.int(random.pick([1, 4, 16, 256]))
  switch (random.int(9)) {
    case 0:
    case 1: {
      const copy = Buffer.from(bytes)
      if (copy.length > 0) copy[at] = (copy[at] as number) ^ (1 << random.int(8))
      return copy
    }
    case 2: {
      const copy = Buffer.from(bytes)
      copy.fill(random.pick([0, 0xff, 0x7f, 0x80, 0x20, random.int(256)]), at, Math.min(copy.length, at + length))
      return copy
    }
    case 3:
    case 4: {
      const copy = Buffer.from(bytes)
      putEdge(copy, random)
      return copy
    }
    case 5:
      return bytes.subarray(0, at)
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 7:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    default: {
      const from = random.int(Math.max(1, bytes.length))
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at)])
    }
  }
}

/** A few changes at random places, within the first `within` bytes where that is said. */
export function mutateBytes(bytes: Uint8Array, random: Random, within = bytes.length): Buffer {
  let head: Buffer = Buffer.from(bytes.subarray(0, within))
  for (let count = 1 + random.int(random.pick([1, 3, 8])); count > 0; count--) head = once(head, random)
  return Buffer.concat([head, bytes.subarray(within)])
}
