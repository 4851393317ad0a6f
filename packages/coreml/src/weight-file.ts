import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { byteSize, bytesOf, type Constant, type DType, type NumericArray, room, sizeOf, type TensorType } from '@silane/core'
import { dtypeOfBlob } from './data-types.ts'
import { errors } from './errors.ts'
import { MAX_BLOBS } from './limits.ts'
import { ALIGNMENT, alignUp, RECORD_SIZE } from './weight-plan.ts'
import { SENTINEL, STORAGE_VERSION } from './write-weights.ts'

interface Blob {
  readonly dtype: DType | undefined
  readonly code: number
  readonly bytes: number
  readonly data: number
}

/**
 * A weight.bin of someone else's. All records are found by following the file from its start, so that a reference
 * can only hit a record, never the middle of one: records cannot overlap, and shifted data is not read silently.
 */
export class WeightFile {
  readonly #path: string
  readonly #identity: string
  readonly #blobs: ReadonlyMap<number, Blob>

  /**
   * `identity` goes into the ids of the constants and tells the files of different packages apart. `most`: records that the files of the
   * package may still have.
   */
  constructor(path: string, identity: string, most = MAX_BLOBS) {
    this.#path = path
    this.#identity = identity
    this.#blobs = readRecords(path, most)
  }

  get records(): number {
    return this.#blobs.size
  }

  /** The tensor whose record is at `offset`. */
  constant(offset: number, type: TensorType, where: string): Constant {
    const fail = (problem: string) => errors.E_WEIGHT_REFERENCE({ where, offset, problem })
    const blob = this.#blobs.get(offset)
    if (!blob) throw fail(offset % ALIGNMENT === 0 ? 'no record starts there' : `records start at multiples of ${ALIGNMENT}`)
    if (blob.dtype !== type.dtype) throw fail(`the record holds ${blob.dtype ?? `type ${blob.code}`}, the program says ${type.dtype}`)
    const bytes = sizeOf(type.shape) * byteSize(type.dtype)
    if (blob.bytes !== bytes) throw fail(`the record holds ${blob.bytes} bytes, ${type.dtype}[${type.shape}] needs ${bytes}`)
    return {
      ...type,
      id: `${this.#identity}:${offset}:${type.dtype}`,
      ...(type.dtype === 'bool' ? {} : { at: { file: this.#path, offset: blob.data } }),
      read: (start, count, into) => this.#read(blob.data + start * byteSize(type.dtype), room(type.dtype, count, into)),
    }
  }

  // The file is opened for each read: constants live as long as graphs do, and nobody would say when to close it.
  #read(position: number, data: NumericArray) {
    const file = openSync(this.#path, 'r')
    try {
      if (!fill(file, bytesOf(data), position))
        throw errors.E_WEIGHT_FILE({ where: this.#path, problem: 'it became shorter while it was read' })
    } finally {
      closeSync(file)
    }
    return data
  }
}

function fill(file: number, bytes: Uint8Array, position: number): boolean {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(file, bytes, done, bytes.length - done, position + done)
    if (count === 0) return false
    done += count
  }
  return true
}

function readRecords(path: string, most: number): Map<number, Blob> {
  const fail = (problem: string) => errors.E_WEIGHT_FILE({ where: path, problem })
  const stats = statSync(path)
  if (!stats.isFile()) throw fail('it is not a file')
  const { size } = stats
  if (size < RECORD_SIZE) throw fail(`${size} bytes are less than its header`)
  const file = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(RECORD_SIZE)
    const view = new DataView(bytes.buffer)
    const load = (position: number): void => {
      if (position + RECORD_SIZE > size || !fill(file, bytes, position))
        throw fail(`a record at ${position} lies outside its ${size} bytes`)
    }
    load(0)
    const count = view.getUint32(0, true)
    const version = view.getUint32(4, true)
    if (version !== STORAGE_VERSION) throw fail(`its storage version is ${version}; only ${STORAGE_VERSION} can be read`)
    if (count > most || count > size / RECORD_SIZE)
      throw fail(`it claims ${count} records in ${size} bytes; the limit of all weight files together is ${MAX_BLOBS}`)
    const blobs = new Map<number, Blob>()
    for (let i = 0, offset = RECORD_SIZE; i < count; i++) {
      load(offset)
      if (view.getUint32(0, true) !== SENTINEL) throw fail(`no record starts at ${offset}, where number ${i + 1} of ${count} belongs`)
      const code = view.getUint32(4, true)
      const length = Number(view.getBigUint64(8, true))
      const data = Number(view.getBigUint64(16, true))
      if (data !== offset + RECORD_SIZE) throw fail(`the record at ${offset} has its data at ${data}, not right behind it`)
      if (length > size - data) throw fail(`the record at ${offset} has ${length} bytes; the file ends before that`)
      blobs.set(offset, { dtype: dtypeOfBlob(code), code, bytes: length, data })
      offset = alignUp(data + length)
    }
    return blobs
  } finally {
    closeSync(file)
  }
}
