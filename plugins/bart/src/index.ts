import {
  type Builder,
  computedConstant,
  decoderOptions,
  definePlugin,
  encoderDecoder,
  encoderModel,
  encoderOptions,
  errors,
  forTasks,
  ids,
  labelCount,
  lastPosition,
  mask,
  sequenceAttention,
  tokenAt,
  tokenInputs,
  type Value,
} from '@silane/core'
import { bartTokenizer, bartWeights, classify, crossProjection, decode, embed, encode, generator, readBartConfig, tied } from './model.ts'

export { type RelationTriplet, relationTriplets } from './relation-triplets.ts'

/** The start token, then all ids but the last. [B, S] */
function shiftRight(b: Builder, tokens: Value, start: number): Value {
  const [batch, length] = tokens.type.shape as [number, number]
  const first = b.constant(computedConstant('int32', [batch, 1], `start ${start}`, () => start))
  if (length === 1) return first
  return b.concat({ values: [first, b.slice_by_index({ x: tokens, begin: [0, 0], end: [batch, length - 1] })], axis: 1 })
}

/** Position of the last end-of-sequence token. [B, 1] */
const lastEnd = (b: Builder, tokens: Value, eos: number): Value =>
  lastPosition(b, b.cast({ x: b.equal({ x: tokens, y: b.scalar(eos, tokens) }), dtype: 'int32' }))

/** BART and what is trained from it, such as REBEL: encoder and cached decoder, sequence classification. */
export default definePlugin({
  id: 'bart',
  spare: [
    'lm_head',
    'final_logits_bias',
    'classification_head',
    'qa_outputs',
    'embed_tokens',
    'encoder.version',
    'decoder.version',
    'embed_positions._float_tensor',
  ],
  tasks: {
    BartForConditionalGeneration: 'text2text-generation',
    BartModel: 'text2text-generation',
    BartForSequenceClassification: 'text-classification',
  },
  options: {
    seq: encoderOptions.seq,
    ...forTasks(['text-classification'], { batch: encoderOptions.batch }),
    ...decoderOptions(['text2text-generation']),
  },
  tied: ({ checkpoint }) => tied(readBartConfig(checkpoint)),
  load: ({ checkpoint, task, options }) => {
    const config = readBartConfig(checkpoint)
    const w = bartWeights(checkpoint, config)
    if (task === 'text-classification') {
      // The decoder reads the input shifted right, and its state at the input's last end-of-sequence token is classified
      // (transformers `BartForSequenceClassification`).
      const { decoder_layers, max_position_embeddings: positions, vocab_size, decoder_start_token_id: start } = config
      if (start < 0 || start >= vocab_size)
        throw errors.E_CONFIG({
          field: 'decoder_start_token_id',
          problem: `is ${start}, and no token of ${vocab_size}`,
          where: checkpoint.location,
        })
      const ports = { input_ids: ids(vocab_size), attention_mask: mask }
      return encoderModel(
        { checkpoint, options },
        {
          modelType: 'bart',
          positions,
          tokenizers: [bartTokenizer()],
          build: (b, length) => {
            const { input_ids, attention_mask } = tokenInputs(b, ports, [options.batch, length])
            const encoded = encode(b, input_ids, attention_mask, w, config)
            const attention = sequenceAttention(b, {
              encoder: { keyMask: attention_mask, project: layer => crossProjection(b, encoded, layer, w, config) },
            })
            let x = embed(b, shiftRight(b, input_ids, start), 'from-zero', w.at('decoder'), config)
            for (let layer = 0; layer < decoder_layers; layer++) x = decode(b, x, layer, attention, w, config)
            return { logits: classify(b, tokenAt(b, x, lastEnd(b, input_ids, config.eos_token_id)), w, config, labelCount(checkpoint, 3)) }
          },
        },
      )
    }
    const { programs, steps, options: resolved } = encoderDecoder({ checkpoint, options }, generator(w, config))
    return { modelType: 'bart', programs, pipeline: { kind: 'encoder-decoder', steps }, options: resolved, tokenizers: [bartTokenizer()] }
  },
})
