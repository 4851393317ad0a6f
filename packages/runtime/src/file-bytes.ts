import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** What one call reads at most: the system refuses more than 2 GB. */
const AT_ONCE = 2 ** 30

/**
 * A file as an array of bytes of which only ranges are asked for: `byteLength` is the file's, and `subarray` reads. So a tensor of a
 * large file goes into the memory that wants it, and the file as a whole into none.
 */
export class FileBytes extends Uint8Array<ArrayBuffer> {
  readonly #descriptor: number
  readonly #size: number
  #open = true

  constructor(file: string) {
    super(new ArrayBuffer(0))
    this.#descriptor = openSync(file, 'r')
    this.#size = fstatSync(this.#descriptor).size
  }

  override get byteLength(): number {
    return this.#size
  }

  override subarray(begin = 0, end = this.#size): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(end - begin)
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#descriptor, bytes, done, Math.min(bytes.length - done, AT_ONCE), begin + done)
      if (read === 0) throw new RangeError(`${begin} to ${end} of ${this.#size} bytes`)
      done += read
    }
    return bytes
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor)
    this.#open = false
  }
}
