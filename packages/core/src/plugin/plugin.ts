import type { TiedNames } from '../nn/weights.ts'
import type { Answer, AnswerHost, AnswerRequest } from './answer.ts'
import type { Checkpoint, Json } from './checkpoint.ts'
import type { OptionSpecs, OptionValues } from './options.ts'
import type { Pipeline } from './pipeline.ts'
import type { Report, Stages } from './report.ts'
import type { Runtime, Session } from './runtime.ts'
import type { SourceModel } from './source-model.ts'
import type { PluginRewrite, Target } from './target.ts'

/** The version of this contract. A host refuses plugins whose package.json asks for a newer one. */
export const API_VERSION = 1

/** What the user asked for. */
export interface LoadRequest<O extends OptionSpecs = OptionSpecs> {
  readonly checkpoint: Checkpoint
  /** The class that the checkpoint is of, or, where its configuration names none, the one that does the task. */
  readonly architecture: string
  /** One of the plugin's tasks: asked for, or what the architecture is for. */
  readonly task: string
  /** The plugin's options, checked against its declaration and defaulted. */
  readonly options: OptionValues<O>
}

export interface PluginContract<O extends OptionSpecs = OptionSpecs> {
  readonly id: string
  /** What each architecture is for. The first entry is what a configuration without architectures gets. */
  readonly tasks: Readonly<Record<string, string>>
  readonly options?: O
  /**
   * Tensors of its checkpoints that its programs may do without, so that nobody is warned of them: buffers of formulas, and what other
   * classes of the family have at their ends. Parts of names, wherever they stand (`cls`, `embeddings.position_ids`); `*` is any one
   * part.
   */
  readonly spare?: readonly string[]
  /** Its checkpoints bring code of their own (`auto_map` of config.json), and the plugin computes what that does. */
  readonly ownCode?: boolean
  load(request: LoadRequest<O>): SourceModel | Promise<SourceModel>
  /** The names of one tensor, without the prefixes of wrappers, each of which `load` takes for all of its row: what it gives its `Weights`. */
  tied?(request: LoadRequest<O>): readonly TiedNames[]
  /** Default: the core's pipeline. */
  rewrite?(target: Target): PluginRewrite
  /** More comparisons, beside the default ones: what two outputs mean together, say. */
  validate?(stages: Stages, runtime: Runtime): Promise<Report>
  /** Measurements of the plugin's own, beside the times of every function: figures by what they are called, units in the name. */
  benchmark?(deployed: Deployed): Promise<Readonly<Record<string, number>>>
  /** The answer to a question from passages that were found for it, where `pipeline.documents` says that the model gives one. */
  answer?(request: AnswerRequest, host: AnswerHost): Promise<Answer>
}

/** A converted folder, for whoever runs it as an app would: what it consists of, and how the programs work together. */
export interface Deployed {
  readonly pipeline: Pipeline
  readonly options: Readonly<Record<string, Json>>
  readonly functions: readonly {
    readonly program: string
    readonly name: string
    /** Ready to run in onnxruntime; the caller closes it. */
    open(): Promise<Session>
  }[]
}

/** Types a plugin as it is written: `request.options` follow from its declaration. */
export const definePlugin = <const O extends OptionSpecs = Readonly<Record<never, never>>>(plugin: PluginContract<O>): PluginContract<O> =>
  plugin
