import {
  Builder,
  type Checkpoint,
  cachedDecoder,
  callStep,
  encoderStep,
  errors,
  ids,
  type Json,
  mainProgram,
  mask,
  type Placeholders,
  type Program,
  perToken,
  prefixed,
  project,
  type Step,
  sequenceLength,
  type TiedNames,
  tokenInputs,
  Weights,
} from '@silane/core'
import * as opt from '@silane/plugin-opt/model'
import * as t5 from '@silane/plugin-t5/model'
import type { LanguageConfig } from './config.ts'

/** A language model behind the Q-Former: its programs, the steps that follow on the queries', and what shaped it. */
interface LanguageModel {
  readonly programs: readonly Program[]
  readonly steps: readonly Step[]
  readonly options: Readonly<Record<string, Json>>
}

interface LanguageRequest {
  readonly checkpoint: Checkpoint
  readonly options: {
    readonly seq: readonly number[] | undefined
    readonly context: number | undefined
    readonly prefill: number | undefined
    readonly kv: 'io' | 'state'
  }
  /** The id in whose places the queries stand, and how the pipeline calls them. */
  readonly place: Placeholders
  readonly queries: number
}

/** Width of the vectors that the language model reads. */
export const widthOf = (language: LanguageConfig): number =>
  language.type === 'opt' ? language.config.hidden_size : language.config.d_model

/** What the language model has under several names. */
export const tiedNames = (language: LanguageConfig): readonly TiedNames[] => (language.type === 'opt' ? opt.tied(language.config) : t5.tied)

/** OPT reads queries and words and goes on from them; T5 reads them with its encoder, and its decoder answers. */
export const languageModel = (request: LanguageRequest, language: LanguageConfig): LanguageModel =>
  language.type === 'opt' ? decoderOnly(request, language.config) : encoderDecoder(request, language.config)

function decoderOnly({ checkpoint, options, place }: LanguageRequest, config: opt.OptConfig): LanguageModel {
  if (options.seq) throw errors.E_OPTION({ option: '--seq', problem: 'an OPT reads as far as its --context goes' })
  const head = new Weights(checkpoint, { candidates: prefixed(['language_model.model.', 'language_model.']), tied: opt.tied(config) })
  const w = head.at('decoder')
  const decoder = cachedDecoder(options, {
    layers: config.num_hidden_layers,
    channels: config.hidden_size,
    positions: config.max_position_embeddings,
    entry: { width: config.hidden_size, from: 'embed_tokens', place },
    embed: (b, vectors, positions) => opt.embed(b, vectors, positions, w, config),
    layer: (b, x, index, attention) => opt.layer(b, x, index, attention, w, config),
    logits: (b, x) => project(b, opt.finish(b, x, w, config), opt.vocabulary(head, config), undefined),
  })
  const table = (name: string, tokens: number) => {
    const b = new Builder(name)
    return b.finish({ inputs_embeds: opt.embedWords(b, b.input('input_ids', 'int32', [1, tokens], ids(config.vocab_size)), w, config) })
  }
  return {
    programs: [{ name: 'embed_tokens', functions: [table('prefill', decoder.options.prefill), table('step', 1)] }, decoder.program],
    steps: [decoder.step],
    options: { ...decoder.options },
  }
}

function encoderDecoder({ checkpoint, options, place, queries }: LanguageRequest, read: t5.T5Config): LanguageModel {
  const w = new Weights(checkpoint, { candidates: prefixed(['language_model.']), tied: t5.tied })
  const config = t5.t5Model(w, read)
  const { vocab_size, d_model } = config
  const length = sequenceLength(options.seq, checkpoint, Number.POSITIVE_INFINITY)
  if (length <= queries)
    throw errors.E_OPTION({ option: '--seq', problem: `${length} leaves no room for words behind the ${queries} of a picture` })
  const table = mainProgram('embed_tokens', b => ({
    inputs_embeds: t5.embedWords(b, b.input('input_ids', 'int32', [1, length], ids(vocab_size)), w.at('encoder'), config),
  }))
  const encoder = mainProgram('encoder', b => {
    const vectors = b.input('inputs_embeds', 'fp32', [1, length, d_model], { role: 'vectors' })
    const { attention_mask } = tokenInputs(b, { attention_mask: mask }, [1, length])
    const x = t5.encodeVectors(b, vectors, attention_mask, w, config)
    return { last_hidden_state: perToken(x), ...t5.crossProjections(b, x, w, config) }
  })
  const output = t5.vocabulary(w, config)
  const decoder = cachedDecoder(options, {
    layers: config.num_decoder_layers,
    channels: config.inner,
    positions: undefined,
    entry: { vocabulary: vocab_size },
    cross: { length, mask: true },
    embed: (b, tokens) => t5.embed(b, tokens, w, config),
    layer: (b, x, index, attention, places) => t5.decode(b, x, index, attention, places, w, config),
    logits: (b, x) => project(b, t5.finish(b, x, w, config), output, undefined),
  })
  const words = 'encoder_word_embeds'
  return {
    programs: [table, encoder, decoder.program],
    steps: [
      callStep(table, { input_ids: 'encoder_input_ids' }, { [words]: 'inputs_embeds' }),
      {
        place: place.id,
        feeds: { ids: 'encoder_input_ids', vectors: words, rows: place.rows },
        gives: { encoder_inputs_embeds: 'vectors' },
      },
      encoderStep(encoder),
      decoder.step,
    ],
    options: { seq: length, ...decoder.options },
  }
}
