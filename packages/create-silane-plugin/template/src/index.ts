import { encoderPlugin, ids, mask, prefixed, Weights } from '@silane/core'
import { readModelConfig } from './config.ts'
import { encode } from './model.ts'

export default encoderPlugin({
  id: 'my-model',
  modelType: 'bert-generation',
  tasks: { BertGenerationEncoder: 'feature-extraction' },
  config: readModelConfig,
  weights: checkpoint => new Weights(checkpoint, { candidates: prefixed(['', 'bert.', 'encoder.']) }),
  positions: config => config.max_position_embeddings,
  inputs: config => ({ input_ids: ids(config.vocab_size), attention_mask: mask }),
  encode: (b, inputs, { w, config }) => encode(b, inputs, w, config),
  heads: {},
})
