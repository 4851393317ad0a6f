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
import { type RobertaConfig, readRobertaConfig } from './config.ts'
import { type Mode, modes } from './masks.ts'
import { classify, classifyTokens, encode, findAnswer, pool, predictNext, predictWords, type RobertaInputs, scoreAnswer } from './model.ts'

const tasksByHead = {
  Model: 'feature-extraction',
  ForMaskedLM: 'fill-mask',
  ForSequenceClassification: 'text-classification',
  ForTokenClassification: 'token-classification',
  ForQuestionAnswering: 'question-answering',
  ForMultipleChoice: 'multiple-choice',
} as const

type Task = (typeof tasksByHead)[keyof typeof tasksByHead]

/** XLM-R and CamemBERT are RoBERTa with other tokenizers: the same code under other names. */
const tasks: Readonly<Record<string, Task>> = Object.fromEntries(
  ['Roberta', 'XLMRoberta', 'Camembert'].flatMap(family => Object.entries(tasksByHead).map(([head, task]) => [family + head, task])),
)

interface Head {
  readonly b: Builder
  /** Last hidden states [B, S, C]. */
  readonly x: Value
  readonly inputs: RobertaInputs
  readonly w: Weights
  readonly config: RobertaConfig
  readonly mode: Mode
  readonly request: LoadRequest
}

/** The outputs of each task. */
const heads: Readonly<Record<Task, (head: Head) => Readonly<Record<string, Value>>>> = {
  // Task models have no pooler, and their checkpoints none to give: transformers would make one of random numbers.
  'feature-extraction': ({ b, x, inputs, w, config, mode, request }) => ({
    ...encoderFeatures(b, x, inputs.attention_mask, request.checkpoint, w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined),
    ...(mode === 'encoder-only' ? {} : { logits: predictNext(b, x, w, config, splitHead(request)) }),
  }),
  'fill-mask': ({ b, x, w, config, request }) => ({ logits: predictWords(b, x, w, config, splitHead(request)) }),
  'text-classification': ({ b, x, w, config, request }) => ({ logits: classify(b, x, w, config, labelCount(request.checkpoint)) }),
  'token-classification': ({ b, x, w, request }) => ({ logits: classifyTokens(b, x, w, labelCount(request.checkpoint)) }),
  'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
  'multiple-choice': ({ b, x, w, config, request }) => ({ logits: answersPerQuestion(b, scoreAnswer(b, x, w, config), request) }),
}

function load(request: LoadRequest): SourceModel {
  const config = readRobertaConfig(request.checkpoint)
  // Of one matrix under two names some files keep the other name (`safetensors.torch.save_model`).
  const tied = spelled(config.tie_word_embeddings ? [['embeddings.word_embeddings.weight', 'lm_head.decoder.weight']] : [])
  const candidates = names(spelled(tensorFlowNorms), tied, prefixed(backbonePrefixes('roberta')))
  const w = new Weights(request.checkpoint, { candidates })
  const mode = (request.options.mode ?? (config.is_decoder ? 'decoder-only' : 'encoder-only')) as Mode
  const segments = request.options['token-types'] === true
  const model = encoderModel<Task>(request, {
    modelType: config.model_type,
    tasks,
    // Rows 0 … pad of the position table are not for tokens.
    positions: config.max_position_embeddings - config.pad_token_id - 1,
    build: (b, length, task) => {
      const names = segments ? (['input_ids', 'attention_mask', 'token_type_ids'] as const) : (['input_ids', 'attention_mask'] as const)
      const inputs = encoderInputs(b, names, length, task, request)
      return heads[task]({ b, x: encode(b, inputs, w, config, mode), inputs, w, config, mode, request })
    },
    options: { mode, ...(segments ? { 'token-types': true } : {}) },
  })
  const graphs = config.model_type === 'roberta' && model.task === 'feature-extraction'
  return graphs ? { ...model, notes: [GRAPHCODEBERT] } : model
}

const GRAPHCODEBERT =
  'config.json does not tell GraphCodeBERT from RoBERTa, and without data flow both compute the same. ' +
  'For the data flow mode of a GraphCodeBERT checkpoint convert with --option dataflow=true (@silane/plugin-graphcodebert).'

/** RoBERTa, CodeBERT, UniXcoder, XLM-R and CamemBERT: every head of transformers, sentence-transformers folders. */
export default definePlugin({
  id: 'roberta',
  options: {
    ...encoderOptions,
    mode: {
      type: 'string',
      choices: modes,
      doc: 'how tokens see each other, for UniXcoder; the last two add logits of the next token. Default: encoder-only',
    },
    'token-types': { type: 'boolean', default: false, doc: 'take token_type_ids, for a model that was trained with segments' },
  },
  load,
})
