import type { Constant } from '../constant.ts'
import type { Program } from '../graph/graph.ts'
import type { Json } from './checkpoint.ts'
import type { Pipeline } from './pipeline.ts'

/** What `load` returns: the programs in the plain layout of the original, and what the manifest says about them. */
export interface SourceModel {
  readonly modelType: string
  readonly programs: readonly Program[]
  readonly pipeline: Pipeline
  /** Every option that shaped the programs, as resolved (`seq`, `context`, own options …), for the manifest. */
  readonly options: Readonly<Record<string, Json>>
  /** Sample inputs for validation; default: what the ports of the inputs allow. By program name, then one record per sample. */
  readonly samples?: Readonly<Record<string, readonly Readonly<Record<string, Constant>>[]>>
  /** Remarks for the report: "this GraphCodeBERT checkpoint is a RoBERTa one". */
  readonly notes?: readonly string[]
}
