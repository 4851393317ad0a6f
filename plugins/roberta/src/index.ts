import { encoderPlugin, encoderTasks, ids, mask, perToken, segments, separatedBytePairs } from '@silane/core'
import { bertWeights, tiedWords } from '@silane/plugin-bert/model'
import { type Mode, modes } from './masks.ts'
import {
  classify,
  classifyTokens,
  encode,
  findAnswer,
  pool,
  predictNext,
  predictWords,
  type RobertaConfig,
  readRobertaConfig,
  scoreAnswer,
} from './model.ts'

const modeOf = (config: RobertaConfig, { mode }: { readonly mode: Mode | undefined }): Mode =>
  mode ?? (config.is_decoder ? 'decoder-only' : 'encoder-only')

const GRAPHCODEBERT =
  'config.json does not tell GraphCodeBERT from RoBERTa, and without data flow both compute the same. ' +
  'For the data flow mode of a GraphCodeBERT checkpoint convert with --option dataflow=true (@silane/plugin-graphcodebert).'

/** RoBERTa, CodeBERT, UniXcoder, XLM-R and CamemBERT: every head of transformers, sentence-transformers folders. */
export default encoderPlugin({
  id: 'roberta',
  spare: [
    'lm_head',
    'classifier',
    'qa_outputs',
    'pooler',
    'embeddings.position_ids',
    'embeddings.token_type_ids',
    'embeddings.position_embeddings',
  ],
  modelType: config => config.model_type,
  // XLM-R and CamemBERT are RoBERTa with other tokenizers: the same code under other names.
  tasks: { ...encoderTasks('Roberta'), ...encoderTasks('XLMRoberta'), ...encoderTasks('Camembert') },
  options: {
    mode: {
      type: 'string',
      choices: modes,
      doc: 'how tokens see each other, for UniXcoder; the last two add logits of the next token. Default: encoder-only',
    },
    'token-types': { type: 'boolean', default: false, doc: 'take token_type_ids, for a model that was trained with segments' },
  },
  config: readRobertaConfig,
  tied: config => tiedWords('lm_head', config),
  weights: (checkpoint, tied) => bertWeights(checkpoint, 'roberta', tied),
  // The others' vocabularies are of SentencePiece, without a spelling in text.
  tokenizers: config => (config.model_type === 'roberta' ? [separatedBytePairs(['RobertaTokenizer'], {})] : []),
  // Rows 0 … pad of the position table are not for tokens.
  positions: config => config.max_position_embeddings - config.pad_token_id - 1,
  inputs: (config, options) => ({
    input_ids: ids(config.vocab_size),
    // Tokens of the target are marked 2.
    attention_mask: modeOf(config, options) === 'encoder-decoder' ? { role: 'mask', values: [0, 1, 2] } : mask,
    ...(options['token-types'] ? { token_type_ids: segments(config.type_vocab_size) } : {}),
  }),
  encode: (b, inputs, { w, config, options }) => encode(b, inputs, w, config, modeOf(config, options)),
  // Task models have no pooler.
  pooled: ({ b, x, w, config }) => (w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined),
  heads: {
    'feature-extraction': ({ b, x, w, config, options }) =>
      modeOf(config, options) === 'encoder-only' ? {} : { logits: perToken(predictNext(b, x, w, config)) },
    'fill-mask': ({ b, x, w, config }) => ({ logits: perToken(predictWords(b, x, w, config)) }),
    'text-classification': ({ b, x, w, config, labels }) => ({ logits: classify(b, x, w, config, labels) }),
    'token-classification': ({ b, x, w, labels }) => ({ logits: perToken(classifyTokens(b, x, w, labels)) }),
    'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
    'multiple-choice': ({ b, x, w, config }) => ({ logits: scoreAnswer(b, x, w, config) }),
  },
  resolved: (config, options) => ({ mode: modeOf(config, options), ...(options['token-types'] ? { 'token-types': true } : {}) }),
  notes: (config, task) => (config.model_type === 'roberta' && task === 'feature-extraction' ? [GRAPHCODEBERT] : []),
})
