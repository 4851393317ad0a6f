import type { Constant } from './constant.ts'
import type { Graph, Program } from './graph/graph.ts'
import type { Rule } from './rewrite/rule.ts'

/** The version of this contract. A host refuses plugins whose package.json asks for a newer one. */
export const API_VERSION = 1

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

export type TargetName = 'coreml' | 'onnx'
export type Precision = 'fp16' | 'fp32'
export type MinimumOs = 'ios16' | 'ios17' | 'ios18' | 'ios26'
export type OptionValue = string | number | boolean

/** What the user asked for, defaults filled in where they do not depend on the model. */
export interface LoadRequest {
  readonly checkpoint: Checkpoint
  /** The task asked for, or undefined: then the plugin takes it from `architectures[0]`. */
  readonly task: string | undefined
  readonly batch: number
  /** Sequence lengths asked for; undefined: the plugin's default (see `defaultSequenceLength`). */
  readonly seq: readonly number[] | undefined
  readonly context: number | undefined
  readonly prefill: number | undefined
  readonly kv: 'io' | 'state'
  readonly precision: Precision
  readonly minimumOs: MinimumOs
  /** The largest package to write: a decoder beyond it is cut into consecutive programs. */
  readonly maxPackageBytes: number
  /** Values of the plugin's own options, checked and defaulted against its declaration. */
  readonly options: Readonly<Record<string, OptionValue | undefined>>
}

/** One option of a plugin, shown by the command line. */
export interface OptionSpec {
  readonly type: 'boolean' | 'integer' | 'string'
  readonly default?: OptionValue
  readonly choices?: readonly string[]
  readonly doc: string
}

export type PipelineKind = 'encoder' | 'decoder' | 'encoder-decoder' | 'vision-language' | 'segmentation' | 'retrieval' | 'policy'

/** What `load` returns: the programs in the plain layout of the original, and what the manifest says about them. */
export interface SourceModel {
  readonly modelType: string
  readonly architecture: string
  readonly task: string
  readonly programs: readonly Program[]
  readonly pipeline: { readonly kind: PipelineKind; readonly [key: string]: Json }
  /** Every option as resolved (`seq`, `context`, own options …), for the manifest. */
  readonly options: Readonly<Record<string, Json>>
  /** For each program, the outputs whose padding is meaningless and the mask that tells: `{ model: { last_hidden_state: 'attention_mask' } }`. */
  readonly valid?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Sample inputs for validation; default: random ids with padding. By program name, then one record per sample. */
  readonly samples?: Readonly<Record<string, readonly Readonly<Record<string, Constant>>[]>>
  /** Remarks for the report: "this GraphCodeBERT checkpoint is a RoBERTa one". */
  readonly notes?: readonly string[]
}

/** A target and the settings that its lowering may depend on. */
export interface Target {
  readonly name: TargetName
  readonly precision: Precision
  /** The Core ML opset of the minimum OS: 6 for iOS 16, … */
  readonly opset: number
  /** Output matrices with more rows than one axis of the ANE holds are computed in parts, each stored beside a tied table. Default: whole. */
  readonly splitHead?: boolean
}

/** Counts of rewrite rules that fired, by rule name. */
export type RuleHits = Readonly<Record<string, number>>

export interface RewriteResult {
  readonly graph: Graph
  readonly hits: RuleHits
}

/** Rules that a plugin adds to the core's pipeline, before the composites are lowered. */
export interface PluginRewrite {
  readonly rules?: readonly Rule[]
}

/** Named tensors that go into or come out of a run. */
export type Tensors = Readonly<Record<string, Constant>>

/** A loaded function that can be run. */
export interface Session {
  run(inputs: Tensors): Promise<Tensors>
  close(): Promise<void>
}

/** Something that executes graphs: onnxruntime here. */
export interface Runtime {
  readonly name: string
  /** `rounding: 'fp16'` rounds every op's result to fp16, as a device that computes in fp16 would. */
  open(graph: Graph, options?: { readonly rounding?: 'none' | 'fp16' }): Promise<Session>
}

/** One compared output. */
export interface Comparison {
  readonly program: string
  readonly function: string
  readonly output: string
  /** Which pair of stages, such as "package (fp16 rounding) vs source". */
  readonly stage: string
  /** dB; Infinity where equal. */
  readonly psnr: number
  readonly maxAbs: number
  readonly cosine: number
  readonly gate: number
  readonly ok: boolean
}

export interface Report {
  readonly ok: boolean
  readonly comparisons: readonly Comparison[]
  readonly notes: readonly string[]
}

/** The three graphs of one program that validate compares. */
export interface Stages {
  readonly model: SourceModel
  /** By program and function name; `read` are graphs read back from what was written. */
  readonly functions: readonly {
    readonly program: string
    readonly name: string
    readonly source: Graph
    readonly read?: Graph
    readonly onnx?: string
  }[]
}

export interface PluginContract {
  readonly id: string
  readonly options?: Readonly<Record<string, OptionSpec>>
  load(request: LoadRequest): SourceModel | Promise<SourceModel>
  /** Default: the core's pipeline. */
  rewrite?(target: Target): PluginRewrite
  /** Default: sample inputs or goldens, metrics, the gates of the deployment contract. */
  validate?(stages: Stages, runtime: Runtime): Promise<Report>
  /** Default: times every function. */
  benchmark?(stages: Stages, runtime: Runtime): Promise<Json>
}

/** Types a plugin as it is written. */
export const definePlugin = <P extends PluginContract>(plugin: P): P => plugin
