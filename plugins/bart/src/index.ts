import {
  type Builder,
  cachedDecoder,
  computedConstant,
  decoderOptions,
  definePlugin,
  encoderModel,
  encoderOptions,
  encoderProgram,
  encoderStep,
  forTasks,
  ids,
  labelCount,
  lastPosition,
  mask,
  names,
  perToken,
  prefixed,
  project,
  sequenceAttention,
  sequenceLength,
  spelled,
  stackLayers,
  tokenAt,
  tokenInputs,
  type Value,
  Weights,
} from '@silane/core'
import { classify, crossProjection, decode, embed, encode, readBartConfig, vocabulary } from './model.ts'

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
  load: ({ checkpoint, task, options }) => {
    const config = readBartConfig(checkpoint)
    // Of one matrix under several names some files keep this one (`safetensors.torch.save_model`).
    const tied = spelled(config.tie_word_embeddings ? [['shared.weight', 'lm_head.weight']] : [])
    const w = new Weights(checkpoint, { candidates: names(tied, prefixed(['', 'model.'])) })
    const { d_model, decoder_layers, max_position_embeddings: positions, vocab_size } = config
    const ports = { input_ids: ids(vocab_size), attention_mask: mask }
    if (task === 'text-classification') {
      // The decoder reads the input shifted right, and its state at the input's last end-of-sequence token is classified
      // (transformers `BartForSequenceClassification`).
      return encoderModel(
        { checkpoint, options },
        {
          modelType: 'bart',
          positions,
          build: (b, length) => {
            const { input_ids, attention_mask } = tokenInputs(b, ports, [options.batch, length])
            const encoded = encode(b, input_ids, attention_mask, w, config)
            const attention = sequenceAttention(b, {
              encoder: { keyMask: attention_mask, project: layer => crossProjection(b, encoded, layer, w, config) },
            })
            let x = embed(b, shiftRight(b, input_ids, config.decoder_start_token_id), 'from-zero', w, w.at('decoder'), config)
            for (let layer = 0; layer < decoder_layers; layer++) x = decode(b, x, layer, attention, w, config)
            return { logits: classify(b, tokenAt(b, x, lastEnd(b, input_ids, config.eos_token_id)), w, config, labelCount(checkpoint, 3)) }
          },
        },
      )
    }
    const length = sequenceLength(options.seq, checkpoint, positions)
    const build: Parameters<typeof encoderProgram>[1] = b => {
      const inputs = tokenInputs(b, ports, [1, length])
      const x = encode(b, inputs.input_ids, inputs.attention_mask, w, config)
      const crossed = Array.from({ length: decoder_layers }, (_, layer) => crossProjection(b, x, layer, w, config))
      const stacked = (of: (projected: { key: Value; value: Value }) => Value): Value => stackLayers(b, crossed.map(of))
      return { last_hidden_state: perToken(x), cross_key: stacked(({ key }) => key), cross_value: stacked(({ value }) => value) }
    }
    const encoder = encoderProgram([length], build, 'encoder')
    const decoder = cachedDecoder(options, {
      layers: decoder_layers,
      channels: d_model,
      positions,
      entry: { vocabulary: vocab_size },
      cross: { length, mask: true },
      embed: (b, tokens, places) => embed(b, tokens, places, w, w.at('decoder'), config),
      layer: (b, x, layer, attention) => decode(b, x, layer, attention, w, config),
      logits: (b, x) => {
        const { table, bias } = vocabulary(w, config)
        return project(b, x, table, bias)
      },
    })
    return {
      modelType: 'bart',
      programs: [encoder, decoder.program],
      pipeline: { kind: 'encoder-decoder', steps: [encoderStep(encoder), decoder.step] },
      options: { seq: length, ...decoder.options },
    }
  },
})
