import type { Constant } from '@silane/core'

/** The tensors of one file, or of one set of shards. */
export interface WeightsFile {
  /** In the order of the file. */
  readonly names: readonly string[]
  /** The tensor as it is stored; undefined where it is missing; an error where its element type is not readable. */
  readonly tensor: (name: string) => Constant | undefined
}
