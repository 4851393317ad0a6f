import type { Constant } from '@silane/core'

/** What a header says of a tensor, readable or not. */
export interface StoredTensor {
  /** An element type of the core, `fp8_e4m3`, `fp8_e5m2`, or what the file calls one that is not read. */
  readonly dtype: string
  readonly shape: readonly number[]
  /** What it takes in the file. */
  readonly bytes: number
}

/** The tensors of one file, or of one set of shards. */
export interface WeightsFile {
  /** Bytes that were read to know what is in it: a header, or a pickle and the list of an archive. Absent: none to speak of. */
  readonly ahead?: number
  /** In the order of the file. */
  readonly names: readonly string[]
  /** The tensor as it is stored; undefined where it is missing; an error where its element type is not readable. */
  readonly tensor: (name: string) => Constant | undefined
  /** The tensor as the header has it; undefined where it is missing. */
  readonly stored: (name: string) => StoredTensor | undefined
}
