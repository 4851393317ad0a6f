import {
  type Builder,
  type Constant,
  CrossCache,
  chooseTask,
  DecoderCache,
  decoderPrograms,
  decoderSizes,
  definePlugin,
  encoderOptions,
  encoderProgram,
  fromChannels,
  handOver,
  hasSentenceModules,
  type LoadRequest,
  projectVocabulary,
  type SourceModel,
  sentenceEmbedding,
  sequenceLengths,
  splitHead,
  splitHeadNotes,
  stackLayers,
  toChannels,
  type Value,
  Weights,
} from '@silane/core'
import { readT5Config, type T5Config } from './config.ts'
import { crossProjections, decode, embed, embeddingNames, encode, finish, type T5Model } from './model.ts'
import { sameElements } from './same-elements.ts'
import { streamScale } from './stream-scale.ts'

export { refinedLines, refinementInput, reviewComment, reviewInput, type SourceOptions, sourceIds } from './code-review.ts'

const tasks = {
  T5ForConditionalGeneration: 'text2text-generation',
  T5WithLMHeadModel: 'text2text-generation',
  T5EncoderModel: 'feature-extraction',
  T5Model: 'feature-extraction',
} as const

type Task = (typeof tasks)[keyof typeof tasks]

interface Source {
  readonly request: LoadRequest
  readonly w: Weights
  readonly config: T5Model
}

const declareInputs = (b: Builder, batch: number, length: number): { inputIds: Value; attentionMask: Value } => ({
  inputIds: b.input('input_ids', 'int32', [batch, length]),
  attentionMask: b.input('attention_mask', 'int32', [batch, length]),
})

/** The encoder alone. */
function features({ request, w, config }: Source): Pick<SourceModel, 'programs' | 'pipeline' | 'options' | 'valid' | 'notes'> {
  const { batch, checkpoint } = request
  const lengths = sequenceLengths(request, Number.POSITIVE_INFINITY)
  const program = encoderProgram(lengths, (b, length) => {
    const { inputIds, attentionMask } = declareInputs(b, batch, length)
    const x = encode(b, inputIds, attentionMask, w, config)
    return {
      last_hidden_state: x,
      ...(hasSentenceModules(checkpoint) ? { sentence_embedding: sentenceEmbedding(b, x, attentionMask, checkpoint) } : {}),
    }
  })
  return {
    programs: [program],
    pipeline: { kind: 'encoder' },
    options: { seq: lengths.length === 1 ? (lengths[0] as number) : [...lengths], batch },
    valid: { model: { last_hidden_state: 'attention_mask' } },
  }
}

/** A table [V, C] under the first of several names that is there. */
function table(w: Weights, { vocab_size, d_model }: T5Config, names: readonly string[]): Constant {
  const name = names.find(candidate => w.has(`${candidate}.weight`)) ?? (names[0] as string)
  return w.tensor(`${name}.weight`, [vocab_size, d_model])
}

/** The output matrix [V, C]: the embeddings where the configuration ties them or the file has no other, a stored copy of them too. */
function vocabulary({ w, config }: Source): Constant {
  const embeddings = table(w, config, embeddingNames)
  if (config.tied || !w.has('lm_head.weight')) return embeddings
  const head = table(w, config, ['lm_head'])
  // Constants are told apart by their ids: a copy of the largest tensor would be written twice.
  return sameElements(head, embeddings) ? embeddings : head
}

function generation(source: Source): Pick<SourceModel, 'programs' | 'pipeline' | 'options' | 'valid' | 'notes'> {
  const { request, w, config } = source
  const { kv } = request
  const head = vocabulary(source)
  const tied = head.id === table(w, config, embeddingNames).id
  const [length] = sequenceLengths(request, Number.POSITIVE_INFINITY) as [number]
  const sizes = decoderSizes(request, undefined)
  const encoder = encoderProgram([length], b => {
    const { inputIds, attentionMask } = declareInputs(b, 1, length)
    const x = encode(b, inputIds, attentionMask, w, config)
    const { keys, values } = crossProjections(b, x, w, config)
    return { last_hidden_state: x, cross_key: stackLayers(b, keys), cross_value: stackLayers(b, values) }
  })
  const { programs, pipeline } = decoderPrograms(request, sizes, config.num_decoder_layers, (b, tokens, range) => {
    const layers = range.to - range.from
    const x = range.first
      ? embed(b, b.input('input_ids', 'int32', [1, tokens]), w, config)
      : fromChannels(b, b.input('hidden_states', 'fp32', [1, config.d_model, 1, tokens]))
    const positions = b.input('position_ids', 'int32', [1, tokens])
    const own = new DecoderCache(b, positions, { layers, channels: config.inner, context: sizes.context, kv })
    const mask = b.input('encoder_attention_mask', 'int32', [1, length])
    const cross = new CrossCache(b, { layers, channels: config.inner, length }, mask)
    const y = decode(b, x, { own, cross, context: sizes.context }, w, config, range)
    if (!range.last) return { ...handOver(range, toChannels(b, y)), ...own.outputs() }
    const logits = projectVocabulary(b, finish(b, y, w, config), head, undefined, splitHead(request))
    return { logits, ...own.outputs() }
  })
  return {
    programs: [{ ...encoder, name: 'encoder' }, ...programs],
    pipeline: { kind: 'encoder-decoder', ...pipeline },
    options: { seq: length, ...sizes, kv },
    notes: splitHeadNotes(request, config.vocab_size, config.d_model, tied),
    valid: { encoder: { last_hidden_state: 'attention_mask' } },
  }
}

function load(request: LoadRequest): SourceModel {
  const { architecture, task } = chooseTask<Task>(request, tasks)
  const config = readT5Config(request.checkpoint)
  const w = new Weights(request.checkpoint, { prefixes: ['', 'transformer.'] })
  const source: Source = { request, w, config: { ...config, stream: streamScale(table(w, config, embeddingNames)) } }
  const built = task === 'text2text-generation' ? generation(source) : features(source)
  return { modelType: 't5', architecture, task, ...built }
}

/** T5 v1.0 and v1.1, Flan-T5, T0, CodeT5, CodeReviewer: encoder and cached decoder, or the encoder alone. */
export default definePlugin({
  id: 't5',
  options: { 'split-head': encoderOptions['split-head'] },
  load,
})
