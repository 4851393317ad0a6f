import type { Json } from './checkpoint.ts'
import type { Pipeline } from './pipeline.ts'
import type { Tensors } from './runtime.ts'

/** A passage that was found for a question, the best first. */
export interface Passage {
  readonly id: string
  readonly text: string
  readonly title?: string
  /** The inner product of the question's vector with the passage's. */
  readonly score: number
}

/** A question, and what was found for it: as many passages as `pipeline.documents` says, or what there is. */
export interface AnswerRequest {
  readonly question: string
  /** Its ids as the program that embedded it read them, with those that the tokenizer puts around it. */
  readonly questionIds: readonly number[]
  readonly passages: readonly Passage[]
  /** What the user set; everything else is the checkpoint's. */
  readonly beams?: number | undefined
  readonly maxNewTokens?: number | undefined
}

/** Where a decoder with a cache stands. It stays there: what reads on is another. */
export interface DecoderState {
  /** Reads ids. Gives the scores [V] of what follows each of them. */
  read(ids: readonly number[]): Promise<{ readonly scores: readonly Float32Array[]; readonly state: DecoderState }>
}

/** A text, or a text and another one behind it, as a model reads them. */
export interface EncodedIds {
  readonly ids: readonly number[]
  readonly segments: readonly number[]
  /** 1 for an id that the tokenizer put around the texts. */
  readonly special: readonly number[]
}

export interface TextTokenizer {
  /**
   * Ids with those that the tokenizer puts around a text. What is longer than `length` is cut at the end; of a pair the longer one is
   * cut first (transformers' `truncation=True`).
   */
  encode(text: string, options?: { readonly pair?: string | undefined; readonly length?: number | undefined }): EncodedIds
  /** Without special tokens. */
  decode(ids: readonly number[]): string
}

/** A converted folder, whose programs are ready to run. */
export interface AnswerHost {
  readonly pipeline: Pipeline
  readonly options: Readonly<Record<string, Json>>
  /** The tokenizer of what a program reads. */
  tokenizer(program: string): Promise<TextTokenizer>
  /** Runs the steps that it takes to make these things of those that are given. */
  run(given: Tensors, wanted: readonly string[]): Promise<Tensors>
  /** The decoder, after what it attends to was made of what is given: one that has read nothing. */
  decoder(given: Tensors): Promise<DecoderState>
}

export interface Answer {
  /** Undefined where no passage holds one. */
  readonly text: string | undefined
  readonly tokens: readonly number[]
  /** Higher is better; what it is a sum of is the model's. */
  readonly score: number
  /** Which of the passages it was read in; undefined where it was made of all. */
  readonly passage?: number
  /** Other answers that were weighed, this one among them. */
  readonly candidates?: readonly { readonly text: string; readonly score: number }[]
}
