import type { Constant } from '../constant.ts'

/** A JSON value as it stands in a file. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * One module of sentence-transformers, as its files tell it; its own names of modules, modes, activations and features. Modules run over
 * a dictionary of features: each reads some (`input`) and writes some (`output`).
 */
export type SentenceModule =
  | {
      readonly type: 'Transformer'
      readonly path: string
      /** Which output of the model it takes, such as `last_hidden_state`. */
      readonly takes: string
      readonly output: string
    }
  | {
      readonly type: 'Pooling'
      readonly path: string
      /** In the order in which several are concatenated. */
      readonly modes: readonly string[]
      /** False: the tokens of a prompt are not pooled. */
      readonly includePrompt: boolean
    }
  | {
      readonly type: 'Dense'
      readonly path: string
      /** Width of what it gives. */
      readonly width: number
      /** The class of torch.nn. */
      readonly activation: string
      readonly bias: boolean
      /** Adds what it reads to what it gives, through `residual.weight` where their widths differ. */
      readonly residual: boolean
      readonly input: string
      readonly output: string
      /** Holds `linear.weight` and `linear.bias`. */
      readonly tensors: Checkpoint
    }
  | { readonly type: 'Normalize'; readonly path: string; readonly input: string; readonly output: string }
  | {
      readonly type: 'LayerNorm'
      readonly path: string
      readonly width: number
      /** Holds `norm.weight` and `norm.bias`. */
      readonly tensors: Checkpoint
    }
  /** Says which tokens are compared, and changes no vector: by their ids and by whether the text is a question. */
  | { readonly type: 'MultiVectorMask'; readonly path: string }
  | { readonly type: 'other'; readonly name: string; readonly path: string }

/** What config_sentence_transformers.json says about the use of the vectors. */
export interface SentenceSettings {
  /** What is put in front of a text, by the name of its purpose: `query`, `document` … */
  readonly prompts: Readonly<Record<string, string>>
  /** The purpose of a text that has none. */
  readonly defaultPrompt: string | null
  /** How vectors are compared: `cosine`, `dot`, `euclidean`, `manhattan`; `maxsim` where a text has a vector for each token. */
  readonly similarity: string
  /** How many elements of a vector are kept. */
  readonly truncateDim?: number
}

/** The settings of an image processor, and the file that has them. */
export interface ImageProcessorFile {
  readonly file: string
  readonly settings: { readonly [key: string]: Json }
  /** The file that versions of transformers before 5 read in its place, where a checkpoint has both. */
  readonly earlier?: ImageProcessorFile
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
  /** The modules of sentence-transformers, in order; undefined where the checkpoint is not one of its encoders. */
  readonly sentenceModules: () => readonly SentenceModule[] | undefined
  /** How its vectors are used; undefined where no file says so. */
  readonly sentenceSettings: () => SentenceSettings | undefined
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
