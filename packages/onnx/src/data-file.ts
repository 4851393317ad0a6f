import { closeSync, openSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { bytesOf, type Constant, chunks, FiniteCheck, type FiniteConstants, type NonFinite } from '@silane/core'
import { errors } from './errors.ts'

/** Where the bytes of a constant stand: a file of the folder, and the offset in it. */
export interface DataPlace {
  readonly file: string
  readonly offset: number
}

/** Where a range begins: vector loads and memory maps like it. */
const ALIGNMENT = 64

/** After this much the event loop gets a turn: an interruption is heard while gigabytes are written. */
const BREATH_BYTES = 1 << 25

/** What tells the bytes of a constant: equal keys, equal bytes. */
export const dataKey = ({ dtype, id }: Pick<Constant, 'dtype' | 'id'>): string => `${dtype}:${id}`

export interface DataFileOptions {
  readonly signal?: AbortSignal | undefined
  /** See `WriteOnnxOptions`. */
  readonly finite?: FiniteConstants | undefined
}

/** The weights of one or several ONNX files, written a chunk at a time; what is equal is written once. */
export class DataFile {
  readonly path: string
  readonly #offsets = new Map<string, number>()
  readonly #nonFinite: NonFinite[] = []
  readonly #signal: AbortSignal | undefined
  readonly #finite: FiniteConstants | undefined
  #descriptor: number | undefined
  #size = 0
  #breath = 0

  constructor(path: string, { signal, finite }: DataFileOptions = {}) {
    this.path = path
    this.#signal = signal
    this.#finite = finite
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  /** The offset of each constant, by `dataKey`. */
  get offsets(): ReadonlyMap<string, number> {
    return this.#offsets
  }

  /** Constants that hold infinities or NaN as they were written. */
  get nonFinite(): readonly NonFinite[] {
    return this.#nonFinite
  }

  /** Writes a constant, unless its like stands in the file already. `label` is its name in messages. */
  async add(constant: Constant, label: string): Promise<DataPlace> {
    const file = basename(this.path)
    const key = dataKey(constant)
    const known = this.#offsets.get(key)
    if (known !== undefined) return { file, offset: known }
    const offset = Math.ceil(this.#size / ALIGNMENT) * ALIGNMENT
    this.#write(new Uint8Array(offset - this.#size))
    const check = new FiniteCheck(constant, this.#finite)
    for (const chunk of chunks(constant)) {
      check.see(chunk)
      this.#write(bytesOf(chunk))
      if (this.#size - this.#breath < BREATH_BYTES) continue
      this.#breath = this.#size
      await setImmediate()
      this.#signal?.throwIfAborted()
    }
    this.#nonFinite.push(...check.found(label))
    this.#offsets.set(key, offset)
    return { file, offset }
  }

  #write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    try {
      this.#descriptor ??= openSync(this.path, 'w')
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done)
    } catch (cause) {
      throw errors.E_ONNX_DISK({ file: this.path, problem: (cause as Error).message }, { cause })
    }
    this.#size += bytes.length
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
