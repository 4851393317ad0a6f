import {
  decoderOptions,
  definePlugin,
  encoderDecoder,
  encoderModel,
  encoderOptions,
  featureExtraction,
  forTasks,
  ids,
  mask,
  prefixed,
  sentenceOptions,
  tokenInputs,
  Weights,
} from '@silane/core'
import { encode, generator, readT5Config, t5Model, tied } from './model.ts'

export { refinedLines, refinementInput, reviewComment, reviewInput, type SourceOptions, sourceIds } from './code-review.ts'

/** T5 v1.0 and v1.1, Flan-T5, T0, CodeT5, CodeReviewer, mT5, UMT5: encoder and cached decoder, or the encoder alone. */
export default definePlugin({
  id: 't5',
  spare: [
    'encoder.embed_tokens',
    'decoder.embed_tokens',
    'lm_head',
    'decoder',
    'classification_head',
    'classifier',
    'qa_outputs',
    'cls_head',
  ],
  tasks: {
    T5ForConditionalGeneration: 'text2text-generation',
    T5WithLMHeadModel: 'text2text-generation',
    T5EncoderModel: 'feature-extraction',
    T5Model: 'feature-extraction',
    MT5ForConditionalGeneration: 'text2text-generation',
    MT5EncoderModel: 'feature-extraction',
    MT5Model: 'feature-extraction',
    UMT5ForConditionalGeneration: 'text2text-generation',
    UMT5EncoderModel: 'feature-extraction',
    UMT5Model: 'feature-extraction',
  },
  options: {
    seq: encoderOptions.seq,
    ...forTasks(['feature-extraction'], { batch: encoderOptions.batch }),
    ...sentenceOptions,
    ...decoderOptions(['text2text-generation']),
  },
  tied: () => tied,
  load: ({ checkpoint, task, options }) => {
    const w = new Weights(checkpoint, { candidates: prefixed(['', 'transformer.']), tied })
    const config = t5Model(w, readT5Config(checkpoint))
    const { model_type: modelType } = config
    if (task === 'feature-extraction') {
      const features = featureExtraction(checkpoint, options)
      const ports = { input_ids: ids(config.vocab_size), attention_mask: mask }
      return encoderModel(
        { checkpoint, options },
        {
          modelType,
          positions: Number.POSITIVE_INFINITY,
          build: (b, length) => {
            const inputs = tokenInputs(b, ports, [options.batch, length])
            const x = encode(b, inputs.input_ids, inputs.attention_mask, w, config)
            return features.outputs(b, x, inputs.attention_mask)
          },
          features,
        },
      )
    }
    const { programs, steps, options: resolved } = encoderDecoder({ checkpoint, options }, generator(w, config))
    return { modelType, programs, pipeline: { kind: 'encoder-decoder', steps }, options: resolved }
  },
})
