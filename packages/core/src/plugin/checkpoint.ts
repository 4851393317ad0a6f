import type { Constant } from '../constant.ts'

/** A JSON value as it stands in a file. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** An opened checkpoint: JSON files and lazy tensors. Nothing is read until asked for. */
export interface Checkpoint {
  /** Where it is, for messages: a folder or `org/name@revision`. */
  readonly location: string
  /** Base name of the folder, or `org/name`. */
  readonly id: string
  /** The commit on the hub; null for a folder. */
  readonly revision: string | null
  /** config.json, or an empty object where there is none (see `has`). */
  readonly config: { readonly [key: string]: Json }
  /** Names of the files at hand, relative to the folder, sorted. */
  readonly files: readonly string[]
  readonly has: (file: string) => boolean
  /** A JSON file of the checkpoint; undefined where it is missing. Errors name the file and the place. */
  readonly json: (file: string) => Json | undefined
  /** Path on disk of a file. */
  readonly path: (file: string) => string
  /** What a sub-folder holds, as a checkpoint of its own: sentence-transformers keeps a module in each. */
  readonly folder: (path: string) => Checkpoint
  /** Names of all tensors, in the order of the files. */
  readonly tensorNames: readonly string[]
  /** A tensor as it is stored; undefined where it is missing. */
  readonly tensor: (name: string) => Constant | undefined
}
