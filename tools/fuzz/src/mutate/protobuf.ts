import type { Random } from '../random.ts'
import { EDGES, mutateBytes } from './bytes.ts'

/** A field of a message: its number, and what it holds by its wire type. What is delimited may be a message, a text or packed elements. */
interface Field {
  readonly number: number
  readonly wire: number
  /** Of a varint. */
  readonly value?: bigint
  /** Of all other wire types. */
  readonly bytes?: Uint8Array
  /** How often it stands there; once, where nothing is said. */
  readonly times?: number
}

function varint(value: bigint): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return [...out, Number(rest)]
}

/** Fields of a message that is changed inside. Empty ones of an earlier change, a million to two megabytes, take a gigabyte of memory here. */
const MOST_FIELDS = 100_000

/** The fields of a message, or nothing where the bytes are none, or too many. */
function parse(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = []
  let at = 0
  const read = (): bigint | undefined => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) return undefined
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    return undefined
  }
  while (at < bytes.length) {
    const key = read()
    if (key === undefined || key >> 3n === 0n || key >> 3n > 100_000n || fields.length === MOST_FIELDS) return undefined
    const [number, wire] = [Number(key >> 3n), Number(key & 7n)]
    if (wire === 0) {
      const value = read()
      if (value === undefined) return undefined
      fields.push({ number, wire, value })
      continue
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? read() : undefined
    if (length === undefined || BigInt(at) + BigInt(length) > BigInt(bytes.length)) return undefined
    fields.push({ number, wire, bytes: bytes.subarray(at, at + Number(length)) })
    at += Number(length)
  }
  return fields
}

function writeField({ number, wire, value = 0n, bytes = new Uint8Array() }: Field): Buffer {
  const key = varint((BigInt(number) << 3n) | BigInt(wire))
  if (wire === 0) return Buffer.from([...key, ...varint(value)])
  return Buffer.concat([Buffer.from(wire === 2 ? [...key, ...varint(BigInt(bytes.length))] : key), bytes])
}

/** Bytes of a field with all its repetitions: one that was repeated a million times while it was empty may have got a hundred thousand since. */
const MOST_WRITTEN = 64_000_000

const write = (fields: readonly Field[]): Buffer =>
  Buffer.concat(
    fields.map(field => {
      const once = writeField(field)
      const times = Math.max(1, Math.min(field.times ?? 1, Math.floor(MOST_WRITTEN / once.length)))
      return Buffer.alloc(once.length * times, once)
    }),
  )

const filled = (value: number, length: number): Buffer => Buffer.alloc(length, value)

/** Contents for a delimited field that its reader did not expect. */
const CONTENTS: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  () => new Uint8Array(),
  bytes => Buffer.concat([bytes, bytes]),
  bytes => bytes.subarray(0, bytes.length >> 1),
  () => Buffer.from('constructor'),
  () => Buffer.from('__proto__'),
  () => Buffer.from('../../../../etc/passwd'),
  () => Buffer.from('@model_path/../../../../../etc/passwd'),
  () => Buffer.from('\u001b[31mevil'),
  () => filled(0x61, 100_000),
  () => filled(0xff, 9),
  // Packed elements: many varints, and some that do not end.
  () => filled(1, 50_000),
  (_, random) => filled(1, random.once(8) ? 30_000_000 : 1000),
  () => filled(0x80, 2000),
  (bytes, random) => mutateBytes(bytes, random),
]

/** Bytes. What an earlier change has made larger would take the memory of a field for every few of them. */
const MOST_PARSED = 4_000_000

/** How often a field is repeated at most, and how often so much. */
const REPEATS = [2, 2, 3, 10, 100, 3000] as const

/** One change at a random depth: lengths around it are kept right, so that readers come to it. */
function change(fields: readonly Field[], random: Random, depth = 0): readonly Field[] {
  if (fields.length === 0) return [{ number: 1 + random.int(20), wire: 0, value: BigInt(random.pick(EDGES)) }]
  const chosen = random.int(fields.length)
  const field = fields[chosen] as Field
  const put = (...made: readonly Field[]): readonly Field[] => [...fields.slice(0, chosen), ...made, ...fields.slice(chosen + 1)]
  const nested = field.wire === 2 && field.bytes !== undefined && field.bytes.length > 0 && field.bytes.length < MOST_PARSED && depth < 30
  const inner = nested ? parse(field.bytes) : undefined
  if (inner && !random.once(8)) return put({ ...field, bytes: write(change(inner, random, depth + 1)) })
  switch (random.int(9)) {
    case 0:
      return put()
    case 1: {
      const size = field.bytes?.length ?? 0
      // Decoded, a message of no bytes takes a hundred.
      const count = size < 8 && random.once(20) ? 1_000_000 : random.pick(REPEATS)
      // A field of some size so often would only be a large file.
      return put({ ...field, times: size > 2000 ? 2 : count })
    }
    case 2:
      return put({
        ...field,
        number: random.pick([1, 2, 3, 4, 5, field.number + 1, Math.max(1, field.number - 1), 500, 502, 3000, 2 ** 28]),
      })
    case 3: {
      const wire = random.pick([0, 1, 2, 5])
      return put({ number: field.number, wire, value: BigInt(random.pick(EDGES)), bytes: filled(random.int(256), wire === 1 ? 8 : 4) })
    }
    case 4: {
      const other = random.pick(fields)
      return put({ ...other, number: field.number })
    }
    case 5: {
      // In itself, as deep as readers might follow.
      let bytes: Uint8Array = field.bytes ?? new Uint8Array()
      for (let i = random.pick([1, 5, 100, 3000]); i > 0 && bytes.length < 1_000_000; i--)
        bytes = write([{ number: field.number, wire: 2, bytes }])
      return put({ number: field.number, wire: 2, bytes })
    }
    default:
      if (field.wire === 0)
        return put({ ...field, value: BigInt(random.pick(EDGES)) * (random.once(3) ? -1n : 1n) + BigInt(random.int(3) - 1) })
      if (field.wire === 2) return put({ ...field, bytes: random.pick(CONTENTS)(field.bytes ?? new Uint8Array(), random) })
      return put({ ...field, bytes: mutateBytes(field.bytes ?? new Uint8Array(), random).subarray(0, field.wire === 1 ? 8 : 4) })
  }
}

/** A serialized message after a few changes. No schema is needed: what parses as a message is one. */
export function mutateProtobuf(bytes: Uint8Array, random: Random): Buffer {
  const parsed = parse(bytes)
  if (!parsed || random.once(12)) return mutateBytes(bytes, random)
  let fields = parsed
  for (let count = 1 + random.int(random.pick([1, 2, 4])); count > 0; count--) fields = change(fields, random)
  return write(fields)
}
