import { readSync } from 'node:fs'

/** One field of a protobuf message: a number, or a part of the file. */
export interface WireField {
  readonly number: number
  /** Its encoding: 0 for a number, 2 for a part with a length. */
  readonly wire: number
  /** What a varint holds; 0 for the other kinds. */
  readonly value: number
  readonly start: number
  readonly end: number
}

const WINDOW_BYTES = 1 << 16
/** A model of a million nodes has fewer; a file made of nothing but tiny fields ends here. */
const MAX_FIELDS = 20_000_000
const MAX_TEXT_BYTES = 4096

/**
 * Bytes of all names that are read. A node has some twenty of them, an initializer two hundred, with where its elements are: those of a
 * model of experts with 100,000 tensors take 20 MB.
 */
const MAX_TEXTS_BYTES = 128 << 20

const decoder = new TextDecoder()

/** Bytes of a fixed-size field, by wire type. */
const fixedSizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 }

/**
 * Walks the fields of a protobuf file without loading it: weights are stepped over, and what a stranger's file claims about its
 * lengths is held against its size before anything is read. Throws a TypeError that says what is wrong.
 */
export class WireReader {
  readonly #descriptor: number
  readonly #size: number
  readonly #window = Buffer.alloc(WINDOW_BYTES)
  #from = 0
  #filled = 0
  #fields = 0
  #texts = 0
  readonly #mostTexts: number

  constructor(descriptor: number, size: number, mostTexts = MAX_TEXTS_BYTES) {
    this.#descriptor = descriptor
    this.#size = size
    this.#mostTexts = mostTexts
  }

  *fields(start = 0, end = this.#size): Generator<WireField> {
    for (let at = start; at < end; ) {
      if (++this.#fields > MAX_FIELDS) throw new TypeError(`it has more than ${MAX_FIELDS} fields`)
      const [tag, afterTag] = this.#varint(at, end)
      const number = Math.floor(tag / 8)
      if (number === 0) throw new TypeError(`there is no field 0, as byte ${at} says`)
      const wire = tag % 8
      const [value, afterValue] = wire === 0 || wire === 2 ? this.#varint(afterTag, end) : [0, afterTag]
      const length = wire === 0 ? 0 : wire === 2 ? value : fixedSizes[wire]
      if (length === undefined) throw new TypeError(`byte ${at} begins a field of the unknown kind ${wire}`)
      if (length < 0 || length > end - afterValue)
        throw new TypeError(`the field at byte ${at} claims ${length} bytes of ${end - afterValue}`)
      at = afterValue + length
      yield { number, wire, value: wire === 0 ? value : 0, start: afterValue, end: at }
    }
  }

  /** A name; control characters are made visible, since it will be shown. */
  text({ start, end }: WireField): string {
    if (end - start > MAX_TEXT_BYTES) throw new TypeError(`the name at byte ${start} is ${end - start} bytes long`)
    this.#texts += end - start
    if (this.#texts > this.#mostTexts) throw new TypeError(`its names take more than ${this.#mostTexts} bytes`)
    if (start === end) return ''
    // A name lies in one window, which is longer than any.
    if (start < this.#from || end > this.#from + this.#filled) this.#load(start)
    if (end > this.#from + this.#filled) throw new TypeError(`it ends at byte ${this.#from + this.#filled}`)
    const bytes = this.#window.subarray(start - this.#from, end - this.#from)
    return decoder.decode(bytes).replace(/\p{Cc}/gu, '\ufffd')
  }

  /** The values of a repeated integer field, whether packed or one by one. */
  *integers(field: WireField): Generator<number> {
    if (field.wire === 0) yield field.value
    for (let at = field.start; at < field.end; ) {
      const [value, next] = this.#varint(at, field.end)
      at = next
      yield value
    }
  }

  /** Negative numbers come out as they are; beyond 2⁵³ a few units are lost. */
  #varint(start: number, end: number): [value: number, next: number] {
    let value = 0n
    for (let at = start, shift = 0n; at < end && shift < 70n; at++, shift += 7n) {
      const byte = this.#byte(at)
      if (shift === 0n && byte < 0x80) return [byte, at + 1]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return [Number(BigInt.asIntN(64, value)), at + 1]
    }
    throw new TypeError(`the number at byte ${start} does not end`)
  }

  #load(at: number): void {
    this.#from = at
    this.#filled = readSync(this.#descriptor, this.#window, 0, WINDOW_BYTES, at)
    if (this.#filled === 0) throw new TypeError(`it ends at byte ${at}`)
  }

  #byte(at: number): number {
    if (at < this.#from || at >= this.#from + this.#filled) this.#load(at)
    return this.#window[at - this.#from] as number
  }
}
