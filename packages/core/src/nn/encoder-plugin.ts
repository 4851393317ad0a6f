import type { Builder, Output } from '../builder.ts'
import type { Value } from '../graph/graph.ts'
import type { Port } from '../graph/port.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'
import { forTasks, type OptionSpecs, type OptionValues } from '../plugin/options.ts'
import type { PluginContract } from '../plugin/plugin.ts'
import type { TokenizerSource } from '../plugin/tokenizer-source.ts'
import { encoderModel, encoderOptions } from './encoder-model.ts'
import { type InputsOf, type Ports, tokenInputs } from './ports.ts'
import { labelCount } from './read-config.ts'
import { featureExtraction, sentenceOptions } from './sentence-embedding.ts'
import type { TiedNames, Weights } from './weights.ts'

/**
 * transformers' names for the classes of a family's tasks: `encoderTasks('Bert').BertForMaskedLM` is `fill-mask`. The plain encoder comes
 * first, and `more` last.
 */
export const encoderTasks = <T extends string = never>(
  family: string,
  more: Readonly<Record<string, T>> = {},
): Readonly<Record<string, EncoderTask | T>> => ({
  [`${family}Model`]: 'feature-extraction',
  [`${family}ForMaskedLM`]: 'fill-mask',
  [`${family}ForSequenceClassification`]: 'text-classification',
  [`${family}ForTokenClassification`]: 'token-classification',
  [`${family}ForQuestionAnswering`]: 'question-answering',
  [`${family}ForMultipleChoice`]: 'multiple-choice',
  ...more,
})

export type EncoderTask =
  | 'feature-extraction'
  | 'fill-mask'
  | 'text-classification'
  | 'token-classification'
  | 'question-answering'
  | 'multiple-choice'

/** What a head is built from. */
export interface EncoderHead<C, O extends OptionSpecs = OptionSpecs> {
  readonly b: Builder
  /** Last hidden states [B, S, C]. */
  readonly x: Value
  readonly w: Weights
  readonly config: C
  /** How many classes the checkpoint tells apart. */
  readonly labels: number
  readonly options: OptionValues<O>
}

type Outputs = Readonly<Record<string, Output>>

type EncoderPorts = Ports & { readonly attention_mask: Port }

export interface EncoderFamily<C, P extends EncoderPorts, T extends string, O extends OptionSpecs> {
  readonly id: string
  /** `model_type` of its configurations. */
  readonly modelType: string | ((config: C) => string)
  /** What each architecture is for; the first is the plain encoder. */
  readonly tasks: Readonly<Record<string, T>>
  /** Own options, beside those that every encoder has. */
  readonly options?: O
  /** Tensors that are not needed: see `PluginContract`. */
  readonly spare?: readonly string[]
  readonly ownCode?: boolean
  readonly config: (checkpoint: Checkpoint) => C
  /** Names of one tensor, as this configuration ties them. */
  readonly tied?: (config: C, task: T) => readonly TiedNames[]
  readonly weights: (checkpoint: Checkpoint, tied: readonly TiedNames[]) => Weights
  /** The longest sequence that the model has positions for. */
  readonly positions: (config: C) => number
  /** Integer inputs [B, S]. */
  readonly inputs: (config: C, options: OptionValues<O>) => P
  /** Last hidden states [B, S, C]. */
  readonly encode: (b: Builder, inputs: InputsOf<P>, head: Omit<EncoderHead<C, O>, 'b' | 'x'>) => Value
  /**
   * The vector [B, C] that feature extraction gives beside the tokens', where the checkpoint has what it takes: transformers would make
   * a pooler of random numbers.
   */
  readonly pooled?: (head: EncoderHead<C, O>) => Value | undefined
  /**
   * What each task gives. Without a head of its own feature extraction gives the vectors of the tokens, of the pooler, and the
   * sentence's. A head of multiple choice scores rows, [B·K, 1].
   */
  readonly heads: { readonly [K in Exclude<T, 'feature-extraction'>]: (head: EncoderHead<C, O>) => Outputs } & {
    /** More than every encoder gives. */
    readonly 'feature-extraction'?: (head: EncoderHead<C, O>) => Outputs
  }
  /** Own options as resolved, for the manifest. */
  readonly resolved?: (config: C, options: OptionValues<O>) => Readonly<Record<string, Json>>
  /** What tokenizes where the checkpoint has no tokenizer.json. */
  readonly tokenizers?: (config: C) => readonly TokenizerSource[]
  readonly notes?: (config: C, task: T) => readonly string[]
}

const choices = {
  choices: { type: 'integer', default: 4, minimum: 1, doc: 'answers per question' },
} as const satisfies OptionSpecs

/** The plugin of an encoder with task heads. A task that no architecture names does not exist. */
export function encoderPlugin<C, P extends EncoderPorts, T extends string, const O extends OptionSpecs = Readonly<Record<never, never>>>(
  family: EncoderFamily<C, P, T, O>,
): PluginContract {
  const { id, tasks, heads } = family
  const own = Object.values<string>(tasks).includes('multiple-choice') ? forTasks(['multiple-choice'], choices) : {}
  const tied = (config: C, task: string) => family.tied?.(config, task as T) ?? []
  return {
    id,
    tasks,
    options: { ...encoderOptions, ...sentenceOptions, ...own, ...family.options },
    ...(family.spare ? { spare: family.spare } : {}),
    ...(family.ownCode ? { ownCode: true } : {}),
    tied: ({ checkpoint, task }) => tied(family.config(checkpoint), task),
    load: ({ checkpoint, task: name, options: checked }) => {
      // The host has held both against what is declared above.
      const [task, options] = [
        name as T,
        checked as OptionValues<typeof encoderOptions & typeof sentenceOptions & typeof choices> & OptionValues<O>,
      ]
      const config = family.config(checkpoint)
      const known = { w: family.weights(checkpoint, tied(config, task)), config, labels: labelCount(checkpoint), options }
      const { batch, choices: answers } = options
      const questions = task === 'multiple-choice'
      const features = task === 'feature-extraction' ? featureExtraction(checkpoint, options) : undefined
      const outputs = (b: Builder, length: number): Outputs => {
        const declared = tokenInputs(b, family.inputs(config, options), questions ? [batch, answers, length] : [batch, length])
        // The rows of all questions are one batch, [B·K, S], until they are scored.
        const inputs = questions ? (mapValues(declared, x => b.reshape({ x, shape: [batch * answers, length] })) as InputsOf<P>) : declared
        const head = { b, x: family.encode(b, inputs, known), ...known }
        if (features)
          return {
            ...features.outputs(b, head.x, inputs.attention_mask, family.pooled?.(head)),
            ...heads['feature-extraction']?.(head),
          }
        const scores = heads[task as Exclude<T, 'feature-extraction'>](head)
        return questions ? mapValues(scores, x => b.reshape({ x: bare(x), shape: [batch, answers] })) : scores
      }
      return encoderModel(
        { checkpoint, options },
        {
          modelType: typeof family.modelType === 'string' ? family.modelType : family.modelType(config),
          positions: family.positions(config),
          build: outputs,
          options: { ...(questions ? { choices: answers } : {}), ...family.resolved?.(config, options) },
          tokenizers: family.tokenizers?.(config) ?? [],
          notes: family.notes?.(config, task) ?? [],
          features,
        },
      )
    },
  }
}

const bare = (output: Output): Value => ('value' in output ? output.value : output)

const mapValues = <K extends string, V, R>(record: Readonly<Record<K, V>>, map: (value: V) => R): Readonly<Record<K, R>> =>
  Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, map(value)])) as Readonly<Record<K, R>>
