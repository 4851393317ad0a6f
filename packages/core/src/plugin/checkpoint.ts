import type { Constant } from '../constant.ts'

/** A JSON value as it stands in a file. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What sentence-transformers runs after the transformer, as a file tells it; its own names of modules, modes and activations. */
export type SentenceModule =
  | { readonly type: 'Pooling'; readonly path: string; readonly modes: readonly string[] }
  | {
      readonly type: 'Dense'
      readonly path: string
      /** Width of what it gives. */
      readonly width: number
      /** The class of torch.nn. */
      readonly activation: string
      /** Holds `linear.weight` and `linear.bias`. */
      readonly tensors: Checkpoint
    }
  | { readonly type: 'Normalize'; readonly path: string }
  | { readonly type: 'other'; readonly name: string; readonly path: string }

/** The settings of an image processor, and the file that has them. */
export interface ImageProcessorFile {
  readonly file: string
  readonly settings: { readonly [key: string]: Json }
}

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
  /** The modules after the transformer, in order; undefined where the checkpoint is not one of sentence-transformers. */
  readonly sentenceModules: () => readonly SentenceModule[] | undefined
  /** The most tokens that its tokenizer or sentence-transformers take; undefined where no file names a number that is one. */
  readonly tokenLimit: () => number | undefined
  /** The settings of the image processor, by transformers' names; undefined where no file has any. */
  readonly imageProcessor: () => ImageProcessorFile | undefined
  /** Names of all tensors, in the order of the files. */
  readonly tensorNames: readonly string[]
  /** A tensor as it is stored; undefined where it is missing. */
  readonly tensor: (name: string) => Constant | undefined
  /** Whether there is a tensor, where a host counts those that are taken: to ask is not to take. Absent: `tensor` tells. */
  readonly hasTensor?: (name: string) => boolean
}
