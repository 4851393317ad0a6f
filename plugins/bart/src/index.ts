import {
  type Builder,
  CrossCache,
  causalMask,
  chooseTask,
  computedConstant,
  DecoderCache,
  decoderPrograms,
  decoderSizes,
  definePlugin,
  encoderOptions,
  encoderProgram,
  fromChannels,
  handOver,
  type LoadRequest,
  labelCount,
  lastPosition,
  names,
  prefixed,
  projectVocabulary,
  type SourceModel,
  sequenceLengths,
  spelled,
  splitHead,
  splitHeadNotes,
  stackLayers,
  toChannels,
  tokenAt,
  type Value,
  Weights,
} from '@silane/core'
import { type BartConfig, readBartConfig } from './config.ts'
import { classify, crossProjection, decode, embed, encode, vocabulary } from './model.ts'

export { type RelationTriplet, relationTriplets } from './relation-triplets.ts'

const tasks = {
  BartForConditionalGeneration: 'text2text-generation',
  BartModel: 'text2text-generation',
  BartForSequenceClassification: 'text-classification',
} as const

type Task = (typeof tasks)[keyof typeof tasks]

interface Source {
  readonly request: LoadRequest
  readonly w: Weights
  readonly config: BartConfig
}

type Built = Pick<SourceModel, 'programs' | 'pipeline' | 'options' | 'valid' | 'notes'>

const declareInputs = (b: Builder, batch: number, length: number): { inputIds: Value; attentionMask: Value } => ({
  inputIds: b.input('input_ids', 'int32', [batch, length]),
  attentionMask: b.input('attention_mask', 'int32', [batch, length]),
})

function generation({ request, w, config }: Source): Built {
  const { kv } = request
  const { d_model, decoder_layers, max_position_embeddings } = config
  const [length] = sequenceLengths(request, max_position_embeddings) as [number]
  const sizes = decoderSizes(request, max_position_embeddings)
  const encoder = encoderProgram([length], b => {
    const { inputIds, attentionMask } = declareInputs(b, 1, length)
    const x = encode(b, inputIds, attentionMask, w, config)
    const layers = Array.from({ length: decoder_layers }, (_, layer) => layer)
    const project = (name: 'k_proj' | 'v_proj') =>
      stackLayers(
        b,
        layers.map(layer => crossProjection(b, x, layer, name, w, config)),
      )
    return { last_hidden_state: x, cross_key: project('k_proj'), cross_value: project('v_proj') }
  })
  const { programs, pipeline } = decoderPrograms(request, sizes, decoder_layers, (b, tokens, range) => {
    const layers = range.to - range.from
    const entry = range.first ? b.input('input_ids', 'int32', [1, tokens]) : b.input('hidden_states', 'fp32', [1, d_model, 1, tokens])
    const positions = b.input('position_ids', 'int32', [1, tokens], { role: 'positions', below: sizes.context })
    const own = new DecoderCache(b, positions, { layers, channels: d_model, context: sizes.context, kv })
    const mask = b.input('encoder_attention_mask', 'int32', [1, length])
    const crossed = new CrossCache(b, { layers, channels: d_model, length }, mask)
    const x = range.first ? embed(b, entry, positions, w, w.at('decoder'), config) : fromChannels(b, entry)
    const attention = {
      self: (layer: number, projected: Parameters<DecoderCache['attend']>[1]) => own.attend(layer - range.from, projected),
      cross: (layer: number, projected: Parameters<CrossCache['attend']>[1]) => crossed.attend(layer - range.from, projected),
    }
    const y = decode(b, x, attention, w, config, range)
    if (!range.last) return { ...handOver(range, toChannels(b, y)), ...own.outputs() }
    const { table, bias } = vocabulary(w, config)
    return { logits: projectVocabulary(b, y, table, bias, splitHead(request)), ...own.outputs() }
  })
  return {
    programs: [{ ...encoder, name: 'encoder' }, ...programs],
    pipeline: { kind: 'encoder-decoder', ...pipeline },
    options: { seq: length, ...sizes, kv },
    notes: splitHeadNotes(request, config.vocab_size, config.d_model, config.tie_word_embeddings),
    valid: { encoder: { last_hidden_state: 'attention_mask' } },
  }
}

/**
 * Scores of classes: the decoder reads the input shifted right, and its state at the input's last end-of-sequence token is
 * classified (transformers `BartForSequenceClassification`).
 */
function classification({ request, w, config }: Source): Built {
  const { batch, checkpoint } = request
  const lengths = sequenceLengths(request, config.max_position_embeddings)
  const program = encoderProgram(lengths, (b, length) => {
    const { inputIds, attentionMask } = declareInputs(b, batch, length)
    const encoded = encode(b, inputIds, attentionMask, w, config)
    const attention = {
      self: (_: number, projected: { query: Value; key: Value; value: Value; heads: number; scale: number }) =>
        b.attention({ ...projected, mask: b.constant(causalMask(length)) }),
      cross: (layer: number, projected: { query: Value; heads: number; scale: number }) =>
        b.attention({
          ...projected,
          key: crossProjection(b, encoded, layer, 'k_proj', w, config),
          value: crossProjection(b, encoded, layer, 'v_proj', w, config),
          key_mask: attentionMask,
        }),
    }
    const x = embed(b, shiftRight(b, inputIds, config.decoder_start_token_id), 'from-zero', w, w.at('decoder'), config)
    const y = decode(b, x, attention, w, config, { from: 0, to: config.decoder_layers })
    return { logits: classify(b, tokenAt(b, y, lastEnd(b, inputIds, config.eos_token_id)), w, config, labelCount(checkpoint, 3)) }
  })
  return {
    programs: [program],
    pipeline: { kind: 'encoder' },
    options: { seq: lengths.length === 1 ? (lengths[0] as number) : [...lengths], batch },
  }
}

/** The start token, then all ids but the last. [B, S] */
function shiftRight(b: Builder, ids: Value, start: number): Value {
  const [batch, length] = ids.type.shape as [number, number]
  const first = b.constant(computedConstant('int32', [batch, 1], `start ${start}`, () => start))
  if (length === 1) return first
  return b.concat({ values: [first, b.slice_by_index({ x: ids, begin: [0, 0], end: [batch, length - 1] })], axis: 1 })
}

/** Position of the last end-of-sequence token. [B, 1] */
const lastEnd = (b: Builder, ids: Value, eos: number): Value =>
  lastPosition(b, b.cast({ x: b.equal({ x: ids, y: b.scalar(eos, ids) }), dtype: 'int32' }))

function load(request: LoadRequest): SourceModel {
  const { architecture, task } = chooseTask<Task>(request, tasks)
  const config = readBartConfig(request.checkpoint)
  // Of one matrix under several names some files keep this one (`safetensors.torch.save_model`).
  const tied = spelled(config.tie_word_embeddings ? [['shared.weight', 'lm_head.weight']] : [])
  const source = { request, config, w: new Weights(request.checkpoint, { candidates: names(tied, prefixed(['', 'model.'])) }) }
  const built = task === 'text2text-generation' ? generation(source) : classification(source)
  return { modelType: 'bart', architecture, task, ...built }
}

/** BART and what is trained from it, such as REBEL: encoder and cached decoder, sequence classification. */
export default definePlugin({
  id: 'bart',
  options: { 'split-head': encoderOptions['split-head'] },
  load,
})
