import {
  type Builder,
  type Constant,
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
  type Program,
  prefixed,
  projectVocabulary,
  type SourceModel,
  sequenceLengths,
  spelled,
  splitHead,
  splitHeadNotes,
  toChannels,
  tokenAt,
  type Value,
  Weights,
} from '@silane/core'
import { type Gpt2Config, readGpt2Config } from './config.ts'
import { decode, embed, encode, finalNorm } from './model.ts'

const tasks = {
  GPT2LMHeadModel: 'text-generation',
  GPT2Model: 'feature-extraction',
  GPT2ForSequenceClassification: 'text-classification',
  GPT2DoubleHeadsModel: 'text-generation',
} as const

type Task = (typeof tasks)[keyof typeof tasks]

/** The output matrix [V, C]: the word embeddings unless the configuration unties it. */
const vocabulary = (w: Weights, { tie_word_embeddings, vocab_size, n_embd }: Gpt2Config): Constant =>
  tie_word_embeddings || !w.has('lm_head.weight')
    ? w.tensor('wte.weight', [vocab_size, n_embd])
    : w.tensor('lm_head.weight', [vocab_size, n_embd])

function generation(
  request: LoadRequest,
  w: Weights,
  config: Gpt2Config,
): Pick<SourceModel, 'programs' | 'pipeline' | 'options' | 'notes'> {
  const { kv } = request
  const sizes = decoderSizes(request, config.n_positions)
  const { programs, pipeline } = decoderPrograms(request, sizes, config.n_layer, (b, tokens, range) => {
    const ids = range.first ? b.input('input_ids', 'int32', [1, tokens]) : undefined
    const hidden = ids ? undefined : b.input('hidden_states', 'fp32', [1, config.n_embd, 1, tokens])
    const positions = b.input('position_ids', 'int32', [1, tokens], { role: 'positions', below: sizes.context })
    const cache = new DecoderCache(b, positions, { layers: range.to - range.from, channels: config.n_embd, context: sizes.context, kv })
    const x = ids ? embed(b, ids, positions, w, config) : fromChannels(b, hidden as Value)
    const y = decode(b, x, cache, w, config, range)
    if (!range.last) return { ...handOver(range, toChannels(b, y)), ...cache.outputs() }
    const logits = projectVocabulary(b, finalNorm(b, y, w, config), vocabulary(w, config), undefined, splitHead(request))
    return { logits, ...cache.outputs() }
  })
  return {
    programs,
    pipeline: { kind: 'decoder', ...pipeline },
    options: { ...sizes, kv },
    notes: splitHeadNotes(request, config.vocab_size, config.n_embd, config.tie_word_embeddings),
  }
}

/** The cache-free program `model`: last hidden states, or the scores of classes for the last token that is not padding. */
function wholeSequence(
  request: LoadRequest,
  task: Task,
  w: Weights,
  config: Gpt2Config,
): Pick<SourceModel, 'programs' | 'pipeline' | 'options' | 'valid'> {
  const { batch, checkpoint } = request
  const lengths = sequenceLengths(request, config.n_positions)
  const program: Program = encoderProgram(lengths, (b, length) => {
    const inputIds = b.input('input_ids', 'int32', [batch, length])
    const attentionMask = b.input('attention_mask', 'int32', [batch, length])
    const x = encode(b, inputIds, attentionMask, w, config)
    if (task === 'feature-extraction') return { last_hidden_state: x }
    const last = tokenAt(b, x, lastToken(b, inputIds, config.pad_token_id))
    const score = w.tensor('score.weight', [labelCount(checkpoint), config.n_embd])
    return { logits: b.in('score', () => b.linear({ x: last, weight: b.constant(score) })) }
  })
  return {
    programs: [program],
    pipeline: { kind: 'encoder' },
    options: { seq: lengths.length === 1 ? (lengths[0] as number) : [...lengths], batch },
    valid: task === 'feature-extraction' ? { model: { last_hidden_state: 'attention_mask' } } : {},
  }
}

/** Position of the last id that is not padding, whatever the mask says; without a padding id, the last position. [B, 1] */
function lastToken(b: Builder, inputIds: Value, pad: number | undefined): Value {
  const [batch, length] = inputIds.type.shape as [number, number]
  if (pad === undefined) return b.constant(computedConstant('int32', [batch, 1], `last ${length}`, () => length - 1))
  const shown = b.cast({ x: b.not_equal({ x: inputIds, y: b.scalar(pad, inputIds) }), dtype: 'int32' })
  return lastPosition(b, shown)
}

function load(request: LoadRequest): SourceModel {
  const { architecture, task } = chooseTask<Task>(request, tasks)
  const config = readGpt2Config(request.checkpoint)
  // Of one matrix under two names some files keep the other name (`safetensors.torch.save_model`).
  const tied = spelled(config.tie_word_embeddings ? [['wte.weight', 'lm_head.weight']] : [])
  const w = new Weights(request.checkpoint, { candidates: names(tied, prefixed(['', 'transformer.'])) })
  const built = task === 'text-generation' ? generation(request, w, config) : wholeSequence(request, task, w, config)
  return { modelType: 'gpt2', architecture, task, ...built }
}

/** GPT-2 and its relatives: generation with a key/value cache, features, sequence classification. */
export default definePlugin({
  id: 'gpt2',
  options: { 'split-head': encoderOptions['split-head'] },
  load,
})
