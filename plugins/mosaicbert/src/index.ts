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
import { type MosaicBertConfig, readMosaicBertConfig } from './config.ts'
import { classify, encode, findAnswer, type MosaicBertInputs, pool, predictWords } from './model.ts'

/** The first three are the original's; it leaves the others empty, and they are transformers' heads of the same names. */
const tasks = {
  BertModel: 'feature-extraction',
  BertForMaskedLM: 'fill-mask',
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
  readonly inputs: MosaicBertInputs
  readonly w: Weights
  readonly config: MosaicBertConfig
  readonly request: LoadRequest
}

/** The outputs of each task. */
const heads: Readonly<Record<Task, (head: Head) => Readonly<Record<string, Value>>>> = {
  // Checkpoints of masked language models have no pooler to give.
  'feature-extraction': ({ b, x, inputs, w, config, request }) =>
    encoderFeatures(b, x, inputs.attention_mask, request.checkpoint, w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined),
  'fill-mask': ({ b, x, w, config, request }) => ({ logits: predictWords(b, x, w, config, splitHead(request)) }),
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
  const config = readMosaicBertConfig(request.checkpoint)
  const w = new Weights(request.checkpoint, { candidates: names(spelled(tensorFlowNorms), prefixed(backbonePrefixes('bert'))) })
  return encoderModel<Task>(request, {
    modelType: 'bert',
    tasks,
    // ALiBi has no table that ends.
    positions: Number.POSITIVE_INFINITY,
    build: (b, length, task) => {
      const inputs = encoderInputs(b, ['input_ids', 'attention_mask', 'token_type_ids'], length, task, request)
      return heads[task]({ b, x: encode(b, inputs, w, config), inputs, w, config, request })
    },
  })
}

/** MosaicBERT: the heads of its authors and transformers', sentence-transformers folders. */
export default definePlugin({ id: 'mosaicbert', options: encoderOptions, load })
