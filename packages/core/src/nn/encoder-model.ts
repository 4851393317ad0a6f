import type { Builder } from '../builder.ts'
import { errors } from '../errors.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { AXIS_CAP } from '../lower/axis-cap.ts'
import type { Checkpoint, Json, LoadRequest, OptionSpec, SourceModel } from '../plugin.ts'
import { chooseTask } from './choose-task.ts'
import { encoderProgram, sequenceLengths } from './encoder-program.ts'
import { hasSentenceModules, sentenceEmbedding } from './sentence-embedding.ts'

/** Options of every encoder with task heads. */
export const encoderOptions = {
  choices: { type: 'integer', default: 4, doc: 'multiple-choice: answers per question' },
  'split-head': { type: 'boolean', default: false, doc: 'split the output matrix into parts below 16384 rows each' },
} as const satisfies Readonly<Record<string, OptionSpec>>

/** Whether `split-head` was asked for. */
export const splitHead = (request: LoadRequest): boolean => request.options['split-head'] === true

/** What a split output matrix [rows, width] costs, for the report: where it is tied, its parts are stored beside the embeddings. */
export function splitHeadNotes(request: LoadRequest, rows: number, width: number, tied: boolean): readonly string[] {
  const parts = splitHead(request) ? Math.ceil(rows / AXIS_CAP) : 1
  if (parts === 1) return []
  const bytes = rows * width * (request.precision === 'fp16' ? 2 : 4)
  return [`split-head: the output matrix is stored in ${parts} parts${tied ? ` beside the embeddings, ${bytes} bytes more` : ''}`]
}

/** The option `choices`. Throws E_OPTION where it is not a count. */
export function choiceCount(request: LoadRequest): number {
  const choices = Number(request.options.choices)
  if (choices >= 1) return choices
  throw errors.E_OPTION({ option: '--option choices', problem: `${choices} answers leave nothing to choose from` })
}

/** Integer inputs [B, S] under these names. Multiple choice has [B, K, S] and reads its rows as a batch, [B·K, S]. */
export function encoderInputs<N extends string>(
  b: Builder,
  names: readonly N[],
  length: number,
  task: string,
  request: LoadRequest,
): Readonly<Record<N, Value>> {
  const { batch } = request
  const choices = task === 'multiple-choice' ? choiceCount(request) : undefined
  const declare = (name: string): Value => {
    if (choices === undefined) return b.input(name, 'int32', [batch, length])
    return b.reshape({ x: b.input(name, 'int32', [batch, choices, length]), shape: [batch * choices, length] })
  }
  return Object.fromEntries(names.map(name => [name, declare(name)])) as Readonly<Record<N, Value>>
}

/** The scores of each question's answers, one row per question again: [B·K, 1] → [B, K]. */
export const answersPerQuestion = (b: Builder, scores: Value, request: LoadRequest): Value =>
  b.reshape({ x: scores, shape: [request.batch, choiceCount(request)] })

/** What feature extraction gives: the token vectors [B, S, C], the pooled vector of models that have one, and the sentence's. */
export const encoderFeatures = (
  b: Builder,
  x: Value,
  mask: Value,
  checkpoint: Checkpoint,
  pooled?: Value | undefined,
): Readonly<Record<string, Value>> => ({
  last_hidden_state: x,
  ...(pooled ? { pooler_output: pooled } : {}),
  ...(hasSentenceModules(checkpoint) ? { sentence_embedding: sentenceEmbedding(b, x, mask, checkpoint) } : {}),
})

export interface Encoder<T extends string> {
  readonly modelType: string
  /** The family's architectures and what each is for, the plain encoder first. */
  readonly tasks: Readonly<Record<string, T>>
  /** The longest sequence that the model has positions for. */
  readonly positions: number
  /** The outputs of a task for sequences of one length. */
  readonly build: (b: Builder, length: number, task: T) => Readonly<Record<string, Value>>
  /** Own options as resolved, for the manifest. */
  readonly options?: Readonly<Record<string, Json>>
  readonly notes?: readonly string[]
}

/** The one program `model` of an encoder, with a function per length, and what the manifest says about it. */
export function encoderModel<T extends string>(request: LoadRequest, encoder: Encoder<T>): SourceModel {
  const { architecture, task } = chooseTask<T>(request, encoder.tasks)
  const lengths = sequenceLengths(request, encoder.positions)
  const program = encoderProgram(lengths, (b, length) => encoder.build(b, length, task))
  const choices = task === 'multiple-choice' ? { choices: choiceCount(request) } : {}
  return {
    modelType: encoder.modelType,
    architecture,
    task,
    programs: [program],
    pipeline: { kind: 'encoder' },
    options: { seq: lengths.length === 1 ? (lengths[0] as number) : [...lengths], batch: request.batch, ...choices, ...encoder.options },
    valid: { model: perToken(program.functions[0]) },
    ...(encoder.notes ? { notes: encoder.notes } : {}),
  }
}

/** Outputs with a row for each token, [B, S, …]: what they hold at padding means nothing. */
const perToken = (graph: Graph | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (graph?.outputs ?? [])
      .filter(({ name, value }) => value.type.shape.length === 3 || name === 'start_logits' || name === 'end_logits')
      .map(({ name }) => [name, 'attention_mask']),
  )
