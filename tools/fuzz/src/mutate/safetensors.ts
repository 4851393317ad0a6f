import type { Random } from '../random.ts'
import { mutateBytes } from './bytes.ts'
import { HOSTILE, type Json, jsonText, mutateJson } from './json.ts'

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly number[]
}

const DTYPES = ['F32', 'F16', 'BF16', 'F64', 'I64', 'I32', 'I8', 'U8', 'BOOL', 'F8_E4M3', 'constructor', '', 'f32']

/** A file of this header and this data. `length` is what it says of the header's length. */
function assemble(header: Uint8Array, data: Uint8Array, length: bigint = BigInt(header.length)): Buffer {
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt.asUintN(64, length))
  return Buffer.concat([size, header, data])
}

/** Elements that arithmetic does not survive, in a run of the data. */
function poison(data: Buffer, random: Random): void {
  const word = random.pick(['0000c07f', '0000807f', '000080ff', 'ffffffff', '00007f7f', '007c', '017c', '00000080', '7f7f7f7f'])
  const start = 4 * random.int(Math.max(1, data.length >> 2))
  if (data.length > start)
    data.fill(Buffer.from(word, 'hex'), start, Math.min(data.length, start + 4 * (1 + random.int(random.pick([1, 16, 4096])))))
}

/** A file of tensors after a change to the length, to the header, to one tensor's entry or to the data. */
export function mutateSafetensors(file: Uint8Array, random: Random): Buffer {
  const bytes = Buffer.from(file)
  const end = 8 + Number(bytes.readBigUInt64LE(0))
  const [header, data] = [bytes.subarray(8, end), bytes.subarray(end)]
  const entries = Object.entries(JSON.parse(header.toString('utf8')) as { readonly [name: string]: Entry })
  const rewritten = (change: (entry: Entry) => Json): Buffer => {
    const chosen = random.int(entries.length)
    const made = entries.map(([name, entry], i) => [name, i === chosen && Array.isArray(entry.shape) ? change(entry) : entry] as const)
    return assemble(Buffer.from(jsonText(Object.fromEntries(made) as Json)), data)
  }
  const spread = (entry: Entry): { readonly [key: string]: Json } => ({ ...entry })
  if (random.once(150)) {
    // Names that are long, and near to one that is missing.
    const [missing = ['', undefined], ...others] = entries
    const long = Array.from({ length: 60 }, (_, i) => [`${missing[0]}${String(i).repeat(100_000)}`, missing[1]])
    return assemble(Buffer.from(JSON.stringify(Object.fromEntries([...others, ...long]))), data)
  }
  switch (random.int(12)) {
    case 0:
      return assemble(
        header,
        data,
        random.pick([0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 32n, 100_000_001n, BigInt(header.length + 1), BigInt(header.length - 1)]),
      )
    case 1:
      return mutateBytes(bytes, random, end)
    case 2:
    case 3:
      return assemble(mutateJson(header.toString('utf8'), random, ['__metadata__', 'dtype', 'shape', 'data_offsets']), data)
    case 4:
      return rewritten(entry => ({ ...spread(entry), dtype: random.pick(DTYPES) }))
    case 5:
      return rewritten(entry => ({
        ...spread(entry),
        shape: random.pick<Json>([
          [],
          [0],
          [...entry.shape, 1],
          [...entry.shape].reverse(),
          [2 ** 53],
          [2 ** 32, 2 ** 32],
          [-1],
          Array(200).fill(1),
          random.pick(HOSTILE)(),
        ]),
      }))
    case 6:
      return rewritten(entry => ({
        ...spread(entry),
        data_offsets: random.pick<Json>([
          [0, data.length],
          [0, 0],
          [...entry.data_offsets].reverse(),
          [-4, 0],
          [0, 2 ** 53],
          random.pick(HOSTILE)(),
        ]),
      }))
    case 7: {
      // Many names for the same bytes.
      const [, entry] = entries.find(([, { shape }]) => Array.isArray(shape)) ?? entries[0] ?? ['', undefined]
      const many = Array.from({ length: random.pick([100, 5000]) }, (_, i) => [`${'x'.repeat(random.pick([1, 30]))}${i}`, entry])
      return assemble(Buffer.from(JSON.stringify(Object.fromEntries([...entries, ...many]))), data)
    }
    case 8: {
      // One tensor less, or one of another name.
      const gone = random.int(entries.length)
      const name = random.pick(['__proto__', 'constructor', 'x'.repeat(10_000), '', '\u001b[31m', 'weight'])
      const left = random.once(2)
        ? entries.filter((_, i) => i !== gone)
        : entries.map(([key, entry], i) => [i === gone ? name : key, entry])
      return assemble(Buffer.from(JSON.stringify(Object.fromEntries(left))), data)
    }
    case 9:
      return bytes.subarray(0, random.int(bytes.length))
    default: {
      const copy = Buffer.from(data)
      for (let count = 1 + random.int(4); count > 0; count--) poison(copy, random)
      return assemble(header, copy)
    }
  }
}
