import type { RandomAccessFile } from '../random-access-file.ts'

/** Bytes that are read ahead: the whole of most pickles, and little beside the weights that may follow. */
const WINDOW = 1 << 16

/** Reads a range of a file from front to back. */
export class ByteReader {
  readonly file: RandomAccessFile
  readonly #end: number
  /** Place of the next byte in the file. */
  position: number
  #window = new Uint8Array()
  #windowStart = 0

  constructor(file: RandomAccessFile, start: number, end: number) {
    this.file = file
    this.position = start
    this.#end = end
  }

  /** What is left. */
  get remaining(): number {
    return this.#end - this.position
  }

  /** The next byte; undefined at the end. */
  byte(): number | undefined {
    const byte = this.#window[this.position - this.#windowStart]
    // Nearly every byte of a pickle comes this way, so the window is asked first.
    if (byte === undefined) return this.take(1)?.[0]
    this.position++
    return byte
  }

  /** The next `count` bytes, valid until the next call; undefined where fewer are left, before anything is allocated. */
  take(count: number): Uint8Array | undefined {
    if (count > this.remaining) return undefined
    const from = this.position - this.#windowStart
    this.position += count
    if (from >= 0 && from + count <= this.#window.length) return this.#window.subarray(from, from + count)
    this.#windowStart = this.position - count
    this.#window = new Uint8Array(this.file.read(this.#windowStart, Math.min(Math.max(count, WINDOW), this.#end - this.#windowStart)))
    return this.#window.subarray(0, count)
  }
}
