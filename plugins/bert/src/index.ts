import { encoderPlugin, encoderTasks, ids, mask, perToken, segments, wordPieces } from '@silane/core'
import { bertWeights, classify, encode, findAnswer, pool, predictNextSentence, predictWords, readBertConfig, tiedWords } from './model.ts'

/** BERT: every head of transformers, relative positions, sentence-transformers folders. */
export default encoderPlugin({
  id: 'bert',
  spare: [
    'cls',
    'classifier',
    'qa_outputs',
    'pooler',
    'embeddings.position_ids',
    'embeddings.token_type_ids',
    'embeddings.position_embeddings',
  ],
  modelType: 'bert',
  tasks: encoderTasks('Bert', {
    BertForPreTraining: 'next-sentence-prediction',
    BertForNextSentencePrediction: 'next-sentence-prediction',
  }),
  config: readBertConfig,
  tied: config => tiedWords('cls.predictions', config),
  weights: (checkpoint, tied) => bertWeights(checkpoint, 'bert', tied),
  tokenizers: () => [wordPieces(['BertTokenizer'])],
  positions: config => config.max_position_embeddings,
  inputs: config => ({ input_ids: ids(config.vocab_size), attention_mask: mask, token_type_ids: segments(config.type_vocab_size) }),
  encode: (b, inputs, { w, config }) => encode(b, inputs, w, config),
  pooled: ({ b, x, w, config }) => (w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined),
  heads: {
    'fill-mask': ({ b, x, w, config }) => ({ logits: perToken(predictWords(b, x, w, config)) }),
    'next-sentence-prediction': ({ b, x, w, config }) => ({
      ...(w.has('cls.predictions.transform.dense.weight') ? { logits: perToken(predictWords(b, x, w, config)) } : {}),
      seq_relationship_logits: predictNextSentence(b, pool(b, x, w, config), w),
    }),
    'text-classification': ({ b, x, w, config, labels }) => ({ logits: classify(b, pool(b, x, w, config), w, labels) }),
    'token-classification': ({ b, x, w, labels }) => ({ logits: perToken(classify(b, x, w, labels)) }),
    'question-answering': ({ b, x, w }) => findAnswer(b, x, w),
    'multiple-choice': ({ b, x, w, config }) => ({ logits: classify(b, pool(b, x, w, config), w, 1) }),
  },
})
