import {
  cachedDecoder,
  decoderOptions,
  definePlugin,
  encoderFeatures,
  encoderModel,
  encoderOptions,
  encoderProgram,
  encoderStep,
  forTasks,
  ids,
  mask,
  perToken,
  prefixed,
  project,
  sequenceLength,
  tokenInputs,
  Weights,
} from '@silane/core'
import { crossProjections, decode, embed, encode, finish, readT5Config, t5Model, vocabulary } from './model.ts'

export { refinedLines, refinementInput, reviewComment, reviewInput, type SourceOptions, sourceIds } from './code-review.ts'

/** T5 v1.0 and v1.1, Flan-T5, T0, CodeT5, CodeReviewer: encoder and cached decoder, or the encoder alone. */
export default definePlugin({
  id: 't5',
  tasks: {
    T5ForConditionalGeneration: 'text2text-generation',
    T5WithLMHeadModel: 'text2text-generation',
    T5EncoderModel: 'feature-extraction',
    T5Model: 'feature-extraction',
  },
  options: {
    seq: encoderOptions.seq,
    ...forTasks(['feature-extraction'], { batch: encoderOptions.batch }),
    ...decoderOptions(['text2text-generation']),
  },
  load: ({ checkpoint, task, options }) => {
    const w = new Weights(checkpoint, { candidates: prefixed(['', 'transformer.']) })
    const config = t5Model(w, readT5Config(checkpoint))
    const ports = { input_ids: ids(config.vocab_size), attention_mask: mask }
    if (task === 'feature-extraction') {
      return encoderModel(
        { checkpoint, options },
        {
          modelType: 't5',
          positions: Number.POSITIVE_INFINITY,
          build: (b, length) => {
            const inputs = tokenInputs(b, ports, [options.batch, length])
            const x = encode(b, inputs.input_ids, inputs.attention_mask, w, config)
            return encoderFeatures(b, x, inputs.attention_mask, checkpoint)
          },
        },
      )
    }
    const length = sequenceLength(options.seq, checkpoint, Number.POSITIVE_INFINITY)
    const build: Parameters<typeof encoderProgram>[1] = b => {
      const inputs = tokenInputs(b, ports, [1, length])
      const x = encode(b, inputs.input_ids, inputs.attention_mask, w, config)
      return { last_hidden_state: perToken(x), ...crossProjections(b, x, w, config) }
    }
    const encoder = encoderProgram([length], build, 'encoder')
    const output = vocabulary(w, config)
    const decoder = cachedDecoder(options, {
      layers: config.num_decoder_layers,
      channels: config.inner,
      positions: undefined,
      entry: { vocabulary: config.vocab_size },
      cross: { length, mask: true },
      embed: (b, tokens) => embed(b, tokens, w, config),
      layer: (b, x, layer, attention, places) => decode(b, x, layer, attention, places, w, config),
      logits: (b, x) => project(b, finish(b, x, w, config), output, undefined),
    })
    return {
      modelType: 't5',
      programs: [encoder, decoder.program],
      pipeline: { kind: 'encoder-decoder', steps: [encoderStep(encoder), decoder.step] },
      options: { seq: length, ...decoder.options },
    }
  },
})
