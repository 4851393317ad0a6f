import {
  type Builder,
  chooseTask,
  definePlugin,
  encoderProgram,
  hasSentenceModules,
  type LoadRequest,
  labelCount,
  type SourceModel,
  sentenceEmbedding,
  sequenceLengths,
  type Value,
  Weights,
} from '@silane/core'
import { type BertConfig, readBertConfig } from './config.ts'
import { type BertInputs, classify, encode, findAnswer, pool, predictNextSentence, predictWords } from './model.ts'

const tasks = {
  BertModel: 'feature-extraction',
  BertForMaskedLM: 'fill-mask',
  BertForPreTraining: 'next-sentence-prediction',
  BertForNextSentencePrediction: 'next-sentence-prediction',
  BertForSequenceClassification: 'text-classification',
  BertForTokenClassification: 'token-classification',
  BertForQuestionAnswering: 'question-answering',
  BertForMultipleChoice: 'multiple-choice',
} as const

type Task = (typeof tasks)[keyof typeof tasks]

/** Names that checkpoints use beside the ones of the model's code: the prefix of task models, and TensorFlow's norm parameters. */
const names = {
  prefixes: ['', 'bert.'],
  spellings: [
    ['LayerNorm.weight', 'LayerNorm.gamma'],
    ['LayerNorm.bias', 'LayerNorm.beta'],
  ],
} as const

interface Head {
  readonly b: Builder
  /** Last hidden states [B, S, C]. */
  readonly x: Value
  readonly inputs: BertInputs
  readonly w: Weights
  readonly config: BertConfig
  readonly request: LoadRequest
}

/** The outputs of each task. */
const heads: Readonly<Record<Task, (head: Head) => Readonly<Record<string, Value>>>> = {
  'feature-extraction': ({ b, x, inputs, w, config, request: { checkpoint } }) => ({
    last_hidden_state: x,
    // A checkpoint of a task model without pooler has none to give: transformers would make one of random numbers.
    ...(w.has('pooler.dense.weight') ? { pooler_output: pool(b, x, w, config) } : {}),
    ...(hasSentenceModules(checkpoint) ? { sentence_embedding: sentenceEmbedding(b, x, inputs.attentionMask, checkpoint) } : {}),
  }),
  'fill-mask': ({ b, x, w, config }) => ({ logits: predictWords(b, x, w, config) }),
  'next-sentence-prediction': ({ b, x, w, config }) => ({
    ...(w.has('cls.predictions.transform.dense.weight') ? { logits: predictWords(b, x, w, config) } : {}),
    seq_relationship_logits: predictNextSentence(b, pool(b, x, w, config), w),
  }),
  'text-classification': ({ b, x, w, config, request }) => ({
    logits: classify(b, pool(b, x, w, config), w, labelCount(request.checkpoint)),
  }),
  'token-classification': ({ b, x, w, request }) => ({ logits: classify(b, x, w, labelCount(request.checkpoint)) }),
  'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
  'multiple-choice': ({ b, x, w, config, request }) => ({
    logits: b.reshape({ x: classify(b, pool(b, x, w, config), w, 1), shape: [request.batch, choicesOf(request)] }),
  }),
}

const choicesOf = (request: LoadRequest): number => Number(request.options['choices'])

/** The three inputs [B, S]; multiple choice has [B, K, S] and reads its rows as a batch. */
function declareInputs(b: Builder, task: Task, length: number, request: LoadRequest): BertInputs {
  const { batch } = request
  const choices = task === 'multiple-choice' ? choicesOf(request) : undefined
  const declare = (name: string): Value => {
    if (choices === undefined) return b.input(name, 'int32', [batch, length])
    return b.reshape({ x: b.input(name, 'int32', [batch, choices, length]), shape: [batch * choices, length] })
  }
  return { inputIds: declare('input_ids'), attentionMask: declare('attention_mask'), tokenTypeIds: declare('token_type_ids') }
}

function load(request: LoadRequest): SourceModel {
  const { checkpoint, batch } = request
  const { architecture, task } = chooseTask<Task>(request, tasks)
  const config = readBertConfig(checkpoint)
  const w = new Weights(checkpoint, names)
  const lengths = sequenceLengths(request, config.max_position_embeddings)
  const program = encoderProgram(lengths, (b, length) => {
    const inputs = declareInputs(b, task, length, request)
    return heads[task]({ b, x: encode(b, inputs, w, config), inputs, w, config, request })
  })
  const choices = task === 'multiple-choice' ? { choices: choicesOf(request) } : {}
  return {
    modelType: 'bert',
    architecture,
    task,
    programs: [program],
    pipeline: { kind: 'encoder' },
    options: { seq: lengths.length === 1 ? (lengths[0] as number) : [...lengths], batch, ...choices },
    valid: { model: { last_hidden_state: 'attention_mask', ...perToken[task] } },
  }
}

/** Outputs with a row for each token, whose padding means nothing. */
const perToken: Partial<Record<Task, Record<string, string>>> = {
  'fill-mask': { logits: 'attention_mask' },
  'next-sentence-prediction': { logits: 'attention_mask' },
  'token-classification': { logits: 'attention_mask' },
  'question-answering': { start_logits: 'attention_mask', end_logits: 'attention_mask' },
}

/** BERT: every head of transformers, relative positions, sentence-transformers folders. */
export default definePlugin({
  id: 'bert',
  options: {
    choices: { type: 'integer', default: 4, doc: 'multiple-choice: answers per question' },
  },
  load,
})
