import type { Json } from './checkpoint.ts'

export const pipelineKinds = ['encoder', 'decoder', 'encoder-decoder', 'vision-language', 'segmentation', 'retrieval', 'policy'] as const

export type PipelineKind = (typeof pipelineKinds)[number]

/**
 * What runs one after the other, and what goes from one to the next. A *thing* is a tensor by the name that the pipeline gives it:
 * what the pipeline is given, or what a step before gave. `feeds` maps inputs to things, `gives` maps things to outputs.
 */
export type Step = CallStep | DecodeStep | PlaceStep | HostStep

/** One call of a program. */
export type CallStep = {
  readonly call: string
  readonly feeds: Readonly<Record<string, string>>
  readonly gives: Readonly<Record<string, string>>
}

/** A loop over a cache: the parts of one decoder in order, called for new tokens until the caller has enough. */
export type DecodeStep = {
  readonly decode: readonly string[]
  /** The thing that new tokens come as, fed to the decoder's input of that name; or a program that turns ids into vectors first. */
  readonly entry: string | { readonly embed: string; readonly place?: Placeholders }
  /** What stays the same from call to call. */
  readonly feeds: Readonly<Record<string, string>>
}

/** Ids that stand for something else: in the places of `id`, in order, stand the rows of the thing `rows`, [1, N, C], not its vectors. */
export type Placeholders = {
  readonly id: number
  readonly rows: string
}

/**
 * Puts rows in the places of vectors that an embedding gave for placeholders: a picture into a text. It reads the things `ids` int32
 * [1, S], `vectors` [1, S, C] and `rows` [1, N, C], and gives `vectors` with the first rows where the ids are `place`.
 */
export type PlaceStep = {
  readonly place: number
  readonly feeds: { readonly ids: string; readonly vectors: string; readonly rows: string }
  readonly gives: Readonly<Record<string, string>>
}

/** A function that the plugin exports. */
export type HostStep = {
  readonly host: string
  readonly feeds: Readonly<Record<string, string>>
  readonly gives: Readonly<Record<string, string>>
}

/** How the programs of a model work together, and what else a host must know, as silane.json has it. */
export interface Pipeline {
  readonly kind: PipelineKind
  readonly steps: readonly Step[]
  /** Folders of tokenizers, by the program whose ids they make, where they do not stand beside the programs. */
  readonly tokenizers?: Readonly<Record<string, string>>
  /** How many passages the model answers a question from, and how many at most; it does so by the plugin's `answer`. */
  readonly documents?: { readonly count: number; readonly most?: number; readonly [key: string]: Json }
  readonly [key: string]: Json
}
