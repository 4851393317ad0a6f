import type { Constant } from '../constant.ts'
import type { Program } from '../graph/graph.ts'
import type { Json } from './checkpoint.ts'
import type { Pipeline } from './pipeline.ts'
import type { TokenizerSource } from './tokenizer-source.ts'

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
  /** Remarks for the report: "this GraphCodeBERT checkpoint is a RoBERTa one". */
  readonly notes?: readonly string[]
}
