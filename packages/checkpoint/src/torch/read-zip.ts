import { errors } from '../errors.ts'
import { inside } from '../inside.ts'
import type { RandomAccessFile } from '../random-access-file.ts'

/** A stored file inside an archive. */
export interface ZipEntry {
  readonly name: string
  /** Where its bytes begin in the archive. */
  readonly offset: number
  readonly size: number
}

/** Entries; one for each storage. */
const MAX_ENTRIES = 200_000

/** Bytes of the directory: 46 and the name for each entry. */
const MAX_DIRECTORY = 32 << 20

/** The end record with its comment. */
const MAX_END = 22 + 0xffff

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50

/**
 * The directory of an archive. torch.save stores entries without compression, which is what makes lazy reading possible, so
 * compressed ones are refused: with them the sizes here would be a promise that only unpacking could check.
 */
export function readZip(file: RandomAccessFile): Map<string, ZipEntry> {
  const wrong = (problem: string) => errors.E_TORCH_ZIP({ file: file.name, problem, where: file.where })
  const directory = findDirectory(file, wrong)
  if (directory.count > MAX_ENTRIES) throw wrong(`it has ${directory.count} entries; the limit is ${MAX_ENTRIES}`)
  if (directory.size > MAX_DIRECTORY) throw wrong(`its directory has ${directory.size} bytes; the limit is ${MAX_DIRECTORY}`)
  if (directory.offset + directory.size > file.size) throw wrong('its directory reaches beyond the end of the file')
  const view = new DataView(file.read(directory.offset, directory.size))
  const headers: Header[] = []
  for (let at = 0, i = 0; i < directory.count; i++) {
    const header = readHeader(view, at, wrong)
    headers.push(header)
    at = header.next
  }
  return placeEntries(file, headers, directory.offset, wrong)
}

type Wrong = (problem: string) => Error

interface Directory {
  readonly count: number
  readonly size: number
  readonly offset: number
}

function findDirectory(file: RandomAccessFile, wrong: Wrong): Directory {
  const length = Math.min(file.size, MAX_END)
  const tail = new DataView(file.read(file.size - length, length))
  let at = length - 22
  while (at >= 0 && !(tail.getUint32(at, true) === END && at + 22 + tail.getUint16(at + 20, true) === length)) at--
  if (at < 0) throw wrong('its end is missing, so it was probably cut off')
  if (tail.getUint16(at + 4, true) !== 0 || tail.getUint16(at + 6, true) !== 0) {
    if (tail.getUint16(at + 4, true) !== 0xffff) throw wrong('it is one part of several')
  }
  const plain = { count: tail.getUint16(at + 10, true), size: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) }
  const locator = at - 20
  if (locator < 0 || tail.getUint32(locator, true) !== LOCATOR_64) return plain
  const place = big(tail, locator + 8, wrong)
  if (place + 56 > file.size) throw wrong('its directory reaches beyond the end of the file')
  const end = new DataView(file.read(place, 56))
  if (end.getUint32(0, true) !== END_64) throw wrong('its second end record is missing')
  const large = { count: big(end, 32, wrong), size: big(end, 40, wrong), offset: big(end, 48, wrong) }
  // Both say the same unless the short fields are full: otherwise two readers would see two archives.
  const agrees = (short: number, full: number, value: number) => short === full || short === value
  if (
    !agrees(plain.count, 0xffff, large.count) ||
    !agrees(plain.size, 0xffffffff, large.size) ||
    !agrees(plain.offset, 0xffffffff, large.offset)
  ) {
    throw wrong('its two end records contradict each other')
  }
  return large
}

function big(view: DataView, at: number, wrong: Wrong): number {
  const value = view.getBigUint64(at, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong('a size in it is too large')
  return Number(value)
}

interface Header {
  readonly name: string
  readonly size: number
  /** Of the local header. */
  readonly offset: number
  /** Where the next header begins in the directory. */
  readonly next: number
}

function readHeader(view: DataView, at: number, wrong: Wrong): Header {
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL) throw wrong('its directory is cut off')
  const nameLength = view.getUint16(at + 28, true)
  const extraLength = view.getUint16(at + 30, true)
  const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true)
  if (next > view.byteLength) throw wrong('its directory is cut off')
  const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameLength))
  const shown = JSON.stringify(name.slice(0, 100))
  if (!inside(name)) throw wrong(`the entry ${shown} does not stay inside`)
  if (view.getUint16(at + 8, true) & 0x2041) throw wrong(`the entry ${shown} is encrypted`)
  if (view.getUint16(at + 10, true) !== 0) throw wrong(`the entry ${shown} is compressed; torch.save stores entries as they are`)
  const packed = view.getUint32(at + 20, true)
  const plain = view.getUint32(at + 24, true)
  const start = view.getUint32(at + 42, true)
  const wide = wideFields(view, at + 46 + nameLength, extraLength, [plain, packed, start], wrong)
  const [size = 0, stored = 0, offset = 0] = wide
  if (size !== stored) throw wrong(`the entry ${shown} has two sizes, ${size} and ${stored}`)
  return { name, size, offset, next }
}

/** Sizes and offset, where they do not fit into 32 bits, from the extra field for that. */
function wideFields(view: DataView, start: number, length: number, short: readonly number[], wrong: Wrong): number[] {
  if (!short.includes(0xffffffff)) return [...short]
  for (let at = start; at + 4 <= start + length; ) {
    const size = view.getUint16(at + 2, true)
    if (view.getUint16(at, true) !== 1) {
      at += 4 + size
      continue
    }
    let field = at + 4
    return short.map(value => {
      if (value !== 0xffffffff) return value
      if (field + 8 > Math.min(at + 4 + size, start + length)) throw wrong('a size in it is missing')
      field += 8
      return big(view, field - 8, wrong)
    })
  }
  throw wrong('a size in it is missing')
}

/** Where the bytes of each entry begin, which only its local header says. Entries must not share bytes, nor reach into the directory. */
function placeEntries(file: RandomAccessFile, headers: readonly Header[], end: number, wrong: Wrong): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>()
  const sorted = headers.toSorted((a, b) => a.offset - b.offset)
  let previous = 0
  for (const { name, size, offset } of sorted) {
    const shown = JSON.stringify(name.slice(0, 100))
    if (entries.has(name)) throw wrong(`the entry ${shown} occurs twice`)
    const nameLength = new TextEncoder().encode(name).length
    if (offset < previous || offset + 30 + nameLength > end) throw wrong(`the entry ${shown} overlaps another part of the archive`)
    const local = new DataView(file.read(offset, 30 + nameLength))
    const localName = new TextDecoder().decode(new Uint8Array(local.buffer, 30))
    const agrees = local.getUint32(0, true) === LOCAL && local.getUint16(26, true) === nameLength && localName === name
    if (!agrees || local.getUint16(8, true) !== 0) throw wrong(`the entry ${shown} differs from the directory`)
    const data = offset + 30 + nameLength + local.getUint16(28, true)
    if (data + size > end) throw wrong(`the entry ${shown} overlaps another part of the archive`)
    previous = data + size
    entries.set(name, { name, offset: data, size })
  }
  return entries
}
