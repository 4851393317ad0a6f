import type { Constant } from '../constant.ts'
import type { Program } from '../graph/graph.ts'
import type { Json } from './checkpoint.ts'
import type { Pipeline } from './pipeline.ts'
import type { TokenizerSource } from './tokenizer-source.ts'

/** How the vectors of texts are meant to be used, for the manifest. */
export interface SentenceUse {
  /** What is put in front of a text, by the name of its purpose: `query`, `document` … */
  readonly prompts: Readonly<Record<string, string>>
  /** The purpose of a text that has none. */
  readonly defaultPrompt: string | null
  /** `cosine`, `dot`, `euclidean`, `manhattan`; `maxsim` where a text has a vector for each token. */
  readonly similarity: string
}

/** What `load` returns: the programs in the plain layout of the original, and what the manifest says about them. */
export interface SourceModel {
  readonly modelType: string
  readonly programs: readonly Program[]
  readonly pipeline: Pipeline
  /** Every option that shaped the programs, as resolved (`seq`, `context`, own options …), for the manifest. */
  readonly options: Readonly<Record<string, Json>>
  /** Sample inputs for validation; default: what the ports of the inputs allow. By program name, then one record per sample. */
  readonly samples?: Readonly<Record<string, readonly Readonly<Record<string, Constant>>[]>>
  /** What tokenizes for the programs, where the checkpoint has no tokenizer.json: silane makes one of its vocabulary. */
  readonly tokenizers?: readonly TokenizerSource[]
  /** Where the modules of sentence-transformers are part of the programs; null where no file says how their vectors are used. */
  readonly sentence?: SentenceUse | null
  /** Remarks for the report: "this GraphCodeBERT checkpoint is a RoBERTa one". */
  readonly notes?: readonly string[]
}
