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
import { type DistilBertConfig, readDistilBertConfig } from './config.ts'
import { classify, classifyTokens, type DistilBertInputs, encode, findAnswer, predictWords } from './model.ts'

const tasks = {
  DistilBertModel: 'feature-extraction',
  DistilBertForMaskedLM: 'fill-mask',
  DistilBertForSequenceClassification: 'text-classification',
  DistilBertForTokenClassification: 'token-classification',
  DistilBertForQuestionAnswering: 'question-answering',
  DistilBertForMultipleChoice: 'multiple-choice',
} as const

type Task = (typeof tasks)[keyof typeof tasks]

interface Head {
  readonly b: Builder
  /** Last hidden states [B, S, C]. */
  readonly x: Value
  readonly inputs: DistilBertInputs
  readonly w: Weights
  readonly config: DistilBertConfig
  readonly request: LoadRequest
}

/** The outputs of each task. */
const heads: Readonly<Record<Task, (head: Head) => Readonly<Record<string, Value>>>> = {
  'feature-extraction': ({ b, x, inputs, request }) => encoderFeatures(b, x, inputs.attention_mask, request.checkpoint),
  'fill-mask': ({ b, x, w, config, request }) => ({ logits: predictWords(b, x, w, config, splitHead(request)) }),
  'text-classification': ({ b, x, w, config, request }) => ({ logits: classify(b, x, w, config, labelCount(request.checkpoint)) }),
  'token-classification': ({ b, x, w, request }) => ({ logits: classifyTokens(b, x, w, labelCount(request.checkpoint)) }),
  'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
  'multiple-choice': ({ b, x, w, config, request }) => ({ logits: answersPerQuestion(b, classify(b, x, w, config, 1), request) }),
}

function load(request: LoadRequest): SourceModel {
  const config = readDistilBertConfig(request.checkpoint)
  const w = new Weights(request.checkpoint, { candidates: names(spelled(tensorFlowNorms), prefixed(backbonePrefixes('distilbert'))) })
  return encoderModel<Task>(request, {
    modelType: 'distilbert',
    tasks,
    positions: config.max_position_embeddings,
    build: (b, length, task) => {
      const inputs = encoderInputs(b, ['input_ids', 'attention_mask'], length, task, request)
      return heads[task]({ b, x: encode(b, inputs, w, config), inputs, w, config, request })
    },
  })
}

/** DistilBERT: every head of transformers, sentence-transformers folders. */
export default definePlugin({ id: 'distilbert', options: encoderOptions, load })
