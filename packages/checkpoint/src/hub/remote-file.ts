import type { ByteSource } from '../byte-source.ts'
import { errors } from '../errors.ts'

export interface RemoteFacts {
  readonly name: string
  readonly where: string
  readonly size: number
  /** Brings the bytes from `start` up to `end`. */
  readonly fetch: (start: number, end: number) => Promise<Uint8Array>
}

interface Part {
  readonly start: number
  readonly bytes: Uint8Array
}

/** A file on the hub of which some parts are here. Reading another one throws E_WEIGHTS_REMOTE, and `bringWanted` fetches it. */
export class RemoteFile implements ByteSource {
  readonly name: string
  readonly where: string
  readonly size: number
  readonly #fetch: RemoteFacts['fetch']
  readonly #parts: Part[] = []
  #wanted: { readonly start: number; readonly end: number } | undefined

  constructor({ name, where, size, fetch }: RemoteFacts) {
    this.name = name
    this.where = where
    this.size = size
    this.#fetch = fetch
  }

  read(offset: number, length: number): ArrayBuffer {
    const buffer = new ArrayBuffer(length)
    this.readInto(new Uint8Array(buffer), offset)
    return buffer
  }

  readInto(target: Uint8Array, offset: number): void {
    const end = offset + target.length
    if (end > this.size) throw errors.E_FILE_READ({ file: this.name, problem: `it ends at byte ${this.size}`, where: this.where })
    const part = this.#parts.find(({ start, bytes }) => start <= offset && end <= start + bytes.length)
    if (!part) {
      this.#wanted = { start: offset, end }
      throw errors.E_WEIGHTS_REMOTE({ file: this.name, bytes: target.length, where: this.where })
    }
    target.set(part.bytes.subarray(offset - part.start, end - part.start))
  }

  /** Fetches a part. */
  fetch(start: number, end: number): Promise<Uint8Array> {
    return this.#fetch(start, end)
  }

  /** Has a part for reading. */
  keep(start: number, bytes: Uint8Array): void {
    this.#parts.push({ start, bytes })
  }

  /** Bytes of the part that was missing last; 0 where none was. */
  get wanted(): number {
    return this.#wanted ? this.#wanted.end - this.#wanted.start : 0
  }

  /** Brings the part that was missing last. */
  async bringWanted(): Promise<void> {
    const wanted = this.#wanted
    this.#wanted = undefined
    if (wanted) this.keep(wanted.start, await this.#fetch(wanted.start, wanted.end))
  }
}
