import { encoderPlugin, encoderTasks, ids, mask, perToken, wordPieces } from '@silane/core'
import { bertWeights } from '@silane/plugin-bert/model'
import { readDistilBertConfig } from './config.ts'
import { classify, classifyTokens, encode, findAnswer, predictWords } from './model.ts'

/** DistilBERT: every head of transformers, sentence-transformers folders. */
export default encoderPlugin({
  id: 'distilbert',
  spare: [
    'vocab_transform',
    'vocab_layer_norm',
    'vocab_projector',
    'pre_classifier',
    'classifier',
    'qa_outputs',
    'embeddings.position_ids',
  ],
  modelType: 'distilbert',
  tasks: encoderTasks('DistilBert'),
  config: readDistilBertConfig,
  tied: ({ tie_word_embeddings }) => (tie_word_embeddings ? [['embeddings.word_embeddings.weight', 'vocab_projector.weight']] : []),
  weights: (checkpoint, tied) => bertWeights(checkpoint, 'distilbert', tied),
  // Some name the class of what they were distilled from.
  tokenizers: () => [wordPieces(['DistilBertTokenizer', 'BertTokenizer'])],
  positions: config => config.max_position_embeddings,
  inputs: config => ({ input_ids: ids(config.vocab_size), attention_mask: mask }),
  encode: (b, inputs, { w, config }) => encode(b, inputs, w, config),
  heads: {
    'fill-mask': ({ b, x, w, config }) => ({ logits: perToken(predictWords(b, x, w, config)) }),
    'text-classification': ({ b, x, w, config, labels }) => ({ logits: classify(b, x, w, config, labels) }),
    'token-classification': ({ b, x, w, labels }) => ({ logits: perToken(classifyTokens(b, x, w, labels)) }),
    'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
    'multiple-choice': ({ b, x, w, config }) => ({ logits: classify(b, x, w, config, 1) }),
  },
})
