import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { ByteSource } from './byte-source.ts'
import { errors } from './errors.ts'

/** Bytes per system call: Node refuses 2 GiB and more. */
const MAX_READ = 1 << 30

/** A file that is read in places, over one descriptor. */
export class RandomAccessFile implements ByteSource {
  readonly name: string
  readonly where: string
  readonly path: string
  readonly size: number
  /** Bytes that were read of it so far. */
  taken = 0
  #descriptor: number | undefined

  constructor(path: string, name: string, where: string) {
    this.name = name
    this.where = where
    this.path = path
    try {
      // Before opening: a pipe under the name of a file would make the open wait for a writer.
      if (!statSync(path).isFile()) throw new Error('it is not a regular file')
      this.#descriptor = openSync(path, 'r')
      this.size = fstatSync(this.#descriptor).size
    } catch (cause) {
      throw errors.E_FILE_READ({ file: name, problem: cause instanceof Error ? cause.message : String(cause), where }, { cause })
    }
  }

  read(offset: number, length: number): ArrayBuffer {
    const buffer = new ArrayBuffer(length)
    this.readInto(new Uint8Array(buffer), offset)
    return buffer
  }

  readInto(target: Uint8Array, offset: number): void {
    // A closed descriptor's number may belong to another file by now, so this is not left to the system.
    if (this.#descriptor === undefined) throw errors.E_CHECKPOINT_CLOSED({ file: this.name, where: this.where })
    this.taken += target.length
    for (let done = 0; done < target.length; ) {
      const got = readSync(this.#descriptor, target, done, Math.min(target.length - done, MAX_READ), offset + done)
      if (got === 0) throw errors.E_FILE_READ({ file: this.name, problem: `it ends at byte ${offset + done}`, where: this.where })
      done += got
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
