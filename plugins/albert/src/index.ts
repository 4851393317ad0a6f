import { encoderPlugin, encoderTasks, ids, mask, perToken, segments } from '@silane/core'
import { bertWeights, tiedWords } from '@silane/plugin-bert/model'
import { readAlbertConfig } from './config.ts'
import { classify, encode, findAnswer, pool, predictOrder, predictWords } from './model.ts'

/** ALBERT: every head of transformers, groups of shared layers, relative positions, sentence-transformers folders. */
export default encoderPlugin({
  id: 'albert',
  spare: [
    'predictions',
    'sop_classifier',
    'classifier',
    'qa_outputs',
    'pooler',
    'embeddings.position_ids',
    'embeddings.token_type_ids',
    'embeddings.position_embeddings',
  ],
  modelType: 'albert',
  tasks: encoderTasks('Albert', { AlbertForPreTraining: 'next-sentence-prediction' }),
  config: readAlbertConfig,
  tied: config => tiedWords('predictions', config),
  weights: (checkpoint, tied) => bertWeights(checkpoint, 'albert', tied),
  positions: config => config.max_position_embeddings,
  inputs: config => ({ input_ids: ids(config.vocab_size), attention_mask: mask, token_type_ids: segments(config.type_vocab_size) }),
  encode: (b, inputs, { w, config }) => encode(b, inputs, w, config),
  pooled: ({ b, x, w, config }) => (w.has('pooler.weight') ? pool(b, x, w, config) : undefined),
  heads: {
    'fill-mask': ({ b, x, w, config }) => ({ logits: perToken(predictWords(b, x, w, config)) }),
    'next-sentence-prediction': ({ b, x, w, config, labels }) => ({
      ...(w.has('predictions.dense.weight') ? { logits: perToken(predictWords(b, x, w, config)) } : {}),
      sop_logits: predictOrder(b, pool(b, x, w, config), w, labels),
    }),
    'text-classification': ({ b, x, w, config, labels }) => ({ logits: classify(b, pool(b, x, w, config), w, labels) }),
    'token-classification': ({ b, x, w, labels }) => ({ logits: perToken(classify(b, x, w, labels)) }),
    'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
    'multiple-choice': ({ b, x, w, config }) => ({ logits: classify(b, pool(b, x, w, config), w, 1) }),
  },
})
