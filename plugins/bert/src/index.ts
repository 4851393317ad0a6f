import {
  answersPerQuestion,
  type Builder,
  backbonePrefixes,
  definePlugin,
  encoderFeatures,
  encoderInputs,
  encoderModel,
  encoderOptions,
  type LoadRequest,
  labelCount,
  names,
  prefixed,
  type SourceModel,
  spelled,
  splitHead,
  tensorFlowNorms,
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
  // A checkpoint of a task model without pooler has none to give: transformers would make one of random numbers.
  'feature-extraction': ({ b, x, inputs, w, config, request }) =>
    encoderFeatures(b, x, inputs.attention_mask, request.checkpoint, w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined),
  'fill-mask': ({ b, x, w, config, request }) => ({ logits: predictWords(b, x, w, config, splitHead(request)) }),
  'next-sentence-prediction': ({ b, x, w, config, request }) => ({
    ...(w.has('cls.predictions.transform.dense.weight') ? { logits: predictWords(b, x, w, config, splitHead(request)) } : {}),
    seq_relationship_logits: predictNextSentence(b, pool(b, x, w, config), w),
  }),
  'text-classification': ({ b, x, w, config, request }) => ({
    logits: classify(b, pool(b, x, w, config), w, labelCount(request.checkpoint)),
  }),
  'token-classification': ({ b, x, w, request }) => ({ logits: classify(b, x, w, labelCount(request.checkpoint)) }),
  'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
  'multiple-choice': ({ b, x, w, config, request }) => ({
    logits: answersPerQuestion(b, classify(b, pool(b, x, w, config), w, 1), request),
  }),
}

function load(request: LoadRequest): SourceModel {
  const config = readBertConfig(request.checkpoint)
  const w = new Weights(request.checkpoint, { candidates: names(spelled(tensorFlowNorms), prefixed(backbonePrefixes('bert'))) })
  return encoderModel<Task>(request, {
    modelType: 'bert',
    tasks,
    positions: config.max_position_embeddings,
    build: (b, length, task) => {
      const inputs = encoderInputs(b, ['input_ids', 'attention_mask', 'token_type_ids'], length, task, request)
      return heads[task]({ b, x: encode(b, inputs, w, config), inputs, w, config, request })
    },
  })
}

/** BERT: every head of transformers, relative positions, sentence-transformers folders. */
export default definePlugin({ id: 'bert', options: encoderOptions, load })
