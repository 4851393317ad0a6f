import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { bytesOf, type Constant, castConstant, chunks, sizeOf } from '@silane/core'
import { errors } from './errors.ts'

export interface DataRange {
  readonly offset: number
  readonly length: number
}

/** Where a range begins: vector loads and memory maps like it. */
const ALIGNMENT = 64

/** The weights of one or several ONNX files, written a chunk at a time; what is equal is written once. */
export class DataFile {
  readonly path: string
  readonly #ranges = new Map<string, DataRange>()
  readonly #hash = createHash('sha256')
  readonly #signal: AbortSignal | undefined
  #descriptor: number | undefined
  #size = 0

  constructor(path: string, signal?: AbortSignal) {
    this.path = path
    this.#signal = signal
  }

  /** Writes a constant, unless its like stands in the file already. */
  add(constant: Constant): DataRange {
    const key = `${constant.dtype}:${constant.id}`
    const known = this.#ranges.get(key)
    if (known) return known
    const offset = Math.ceil(this.#size / ALIGNMENT) * ALIGNMENT
    this.#write(new Uint8Array(offset - this.#size))
    for (const chunk of chunks(constant)) {
      this.#signal?.throwIfAborted()
      this.#write(bytesOf(chunk))
    }
    const range = { offset, length: this.#size - offset }
    this.#ranges.set(key, range)
    return range
  }

  #write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    try {
      this.#descriptor ??= openSync(this.path, 'w')
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done)
    } catch (cause) {
      throw errors.E_ONNX_DISK({ file: this.path, problem: (cause as Error).message }, { cause })
    }
    this.#hash.update(bytes)
    this.#size += bytes.length
  }

  close(): { readonly bytes: number; readonly sha256: string } {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
    return { bytes: this.#size, sha256: this.#hash.digest('hex') }
  }
}

/** A constant as it is stored: floats in fp16 where that was asked for. */
export const storedConstant = (constant: Constant, weights: 'fp32' | 'fp16'): Constant =>
  weights === 'fp16' && constant.dtype === 'fp32' && sizeOf(constant.shape) > 1 ? castConstant(constant, 'fp16') : constant
