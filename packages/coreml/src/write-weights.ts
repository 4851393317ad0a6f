import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { bytesOf, chunks, FiniteCheck, type FiniteConstants, type NonFinite } from '@silane/core'
import { encodings } from './data-types.ts'
import { diskError } from './errors.ts'
import { RECORD_SIZE, type WeightPlan } from './weight-plan.ts'

export interface WriteWeightsOptions {
  /** See `WritePackageOptions`. */
  readonly finite?: FiniteConstants | undefined
  readonly signal?: AbortSignal | undefined
  /** Bytes written so far, out of `plan.bytes`. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined
}

export const SENTINEL = 0xdeadbeef
export const STORAGE_VERSION = 2

/** Elements read at a time. 256 KiB of fp32 stay in the cache while they are converted, hashed and written. */
const CHUNK = 1 << 16

/** Streams weight.bin: reads, converts, hashes and writes a chunk at a time. */
export async function writeWeights(path: string, plan: WeightPlan, options: WriteWeightsOptions = {}) {
  const nonFinite: NonFinite[] = []
  const sink = await Sink.open(path, bytes => options.onProgress?.(bytes, plan.bytes))
  try {
    await sink.append(fileHeader(plan.blobs.length))
    for (const { constant, offset, bytes, label } of plan.blobs) {
      await sink.padTo(offset)
      await sink.append(recordHeader(encodings[constant.dtype]?.blob ?? 0, bytes, offset))
      const check = new FiniteCheck(constant, options.finite)
      for (const data of chunks(constant, CHUNK)) {
        options.signal?.throwIfAborted()
        check.see(data)
        await sink.append(bytesOf(data))
      }
      nonFinite.push(...check.found(label))
    }
    return { bytes: plan.bytes, sha256: await sink.finish(), nonFinite }
  } finally {
    await sink.close()
  }
}

function fileHeader(count: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(RECORD_SIZE))
  view.setUint32(0, count, true)
  view.setUint32(4, STORAGE_VERSION, true)
  return new Uint8Array(view.buffer)
}

function recordHeader(type: number, bytes: number, offset: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(RECORD_SIZE))
  view.setUint32(0, SENTINEL, true)
  view.setUint32(4, type, true)
  view.setBigUint64(8, BigInt(bytes), true)
  view.setBigUint64(16, BigInt(offset + RECORD_SIZE), true)
  return new Uint8Array(view.buffer)
}

/** Appends to a file while the hash and the caller's next read go on: one write is always under way. */
class Sink {
  readonly #handle: FileHandle
  readonly #path: string
  readonly #progress: (bytes: number) => void
  readonly #hash = createHash('sha256')
  #pending: Promise<void> = Promise.resolve()
  #position = 0

  static async open(path: string, progress: (bytes: number) => void): Promise<Sink> {
    try {
      return new Sink(await open(path, 'wx'), path, progress)
    } catch (error) {
      throw diskError(error, path)
    }
  }

  constructor(handle: FileHandle, path: string, progress: (bytes: number) => void) {
    this.#handle = handle
    this.#path = path
    this.#progress = progress
  }

  /** Takes the bytes over: they must not change any more. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#pending
    this.#position += bytes.length
    this.#pending = this.#write(bytes)
    // A failure is reported by whoever awaits next; until then it must not count as unhandled.
    this.#pending.catch(() => {})
    this.#hash.update(bytes)
  }

  async padTo(offset: number): Promise<void> {
    if (this.#position < offset) await this.append(new Uint8Array(offset - this.#position))
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) done += (await this.#handle.write(bytes, done)).bytesWritten
    } catch (error) {
      throw diskError(error, this.#path)
    }
    this.#progress(this.#position)
  }

  async finish(): Promise<string> {
    await this.#pending
    return this.#hash.digest('hex')
  }

  async close(): Promise<void> {
    await this.#pending.catch(() => {})
    await this.#handle.close()
  }
}
