import { encoderPlugin, encoderTasks, ids, mask, perToken, segments, wordPieces } from '@silane/core'
import { bertWeights } from '@silane/plugin-bert/model'
import { readMosaicBertConfig } from './config.ts'
import { classify, encode, findAnswer, pool, predictWords } from './model.ts'

/** MosaicBERT: the heads of its authors and, where they left them empty, transformers' of the same names; sentence-transformers folders. */
export default encoderPlugin({
  id: 'mosaicbert',
  ownCode: true,
  spare: ['cls', 'classifier', 'pooler', 'embeddings.position_ids', 'embeddings.token_type_ids'],
  modelType: 'bert',
  tasks: encoderTasks('Bert'),
  config: readMosaicBertConfig,
  tied: ({ tie_word_embeddings }) => (tie_word_embeddings ? [['embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight']] : []),
  weights: (checkpoint, tied) => bertWeights(checkpoint, 'bert', tied),
  tokenizers: () => [wordPieces(['BertTokenizer'])],
  // ALiBi has no table that ends.
  positions: () => Number.POSITIVE_INFINITY,
  inputs: config => ({ input_ids: ids(config.vocab_size), attention_mask: mask, token_type_ids: segments(config.type_vocab_size) }),
  encode: (b, inputs, { w, config }) => encode(b, inputs, w, config),
  // Checkpoints of masked language models have no pooler to give.
  pooled: ({ b, x, w, config }) => (w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined),
  heads: {
    'fill-mask': ({ b, x, w, config }) => ({ logits: perToken(predictWords(b, x, w, config)) }),
    'text-classification': ({ b, x, w, config, labels }) => ({ logits: classify(b, pool(b, x, w, config), w, labels) }),
    'token-classification': ({ b, x, w, labels }) => ({ logits: perToken(classify(b, x, w, labels)) }),
    'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
    'multiple-choice': ({ b, x, w, config }) => ({ logits: classify(b, pool(b, x, w, config), w, 1) }),
  },
})
