import { byteSize, type Constant, type DType, sizeOf } from '@silane/core'
import { encodings } from './data-types.ts'

/** Records and their data start at multiples of this. */
export const ALIGNMENT = 64

/** Bytes of the file header and of each record before its data. */
export const RECORD_SIZE = 64

/** coremltools' own bound: what is smaller is cheaper inside the program than behind a record of 64 bytes. */
const MIN_FILE_ELEMENTS = 10

export interface PlannedBlob {
  readonly constant: Constant
  /** Of the record; the data follows it. */
  readonly offset: number
  readonly bytes: number
  /** Where it is used first: `main: encoder_layer_0_weight`. */
  readonly label: string
}

export const alignUp = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT

/** Whether a constant goes to weight.bin in a package of this version. */
export const goesToFile = (dtype: DType, shape: readonly number[], specVersion: number): boolean =>
  (encodings[dtype]?.fileSince ?? Number.POSITIVE_INFINITY) <= specVersion && sizeOf(shape) >= MIN_FILE_ELEMENTS

/**
 * Where each constant will stand in weight.bin. Sizes are known before a single element is read, so the
 * program, which holds the offsets, can be finished first and the elements streamed once, in order of first use.
 */
export class WeightPlan {
  readonly blobs: PlannedBlob[] = []
  readonly #offsets = new Map<string, number>()
  #end = RECORD_SIZE

  /** The record's offset. Constants with one id share a record, across functions too. */
  add(constant: Constant, label: string): number {
    const bytes = sizeOf(constant.shape) * byteSize(constant.dtype)
    const key = `${constant.dtype} ${bytes} ${constant.id}`
    const known = this.#offsets.get(key)
    if (known !== undefined) return known
    const offset = alignUp(this.#end)
    this.#offsets.set(key, offset)
    this.blobs.push({ constant, offset, bytes, label })
    this.#end = offset + RECORD_SIZE + bytes
    return offset
  }

  /** Size of the file; 0 when nothing goes into it. */
  get bytes(): number {
    return this.blobs.length === 0 ? 0 : this.#end
  }
}
