import {
  type BeamConfig,
  errors,
  type GenerationSettings,
  type Json,
  type LogitsRule,
  logitsRules,
  type Pipeline,
  readConfig,
  readGenerationSettings,
  type Situation,
} from '@silane/core'
import * as z from 'zod'

const id = z.int().nonnegative()

const scoring = z.object({ pad_token_id: id.optional(), bos_token_id: id.optional() })

const padding = z.object({ pad_token_id: id.optional() })

const documents = z.object({ deduplicate: z.boolean().default(true) })

const whole = z.object({ decoding: z.enum(['token', 'sequence']) })

/** How an answer is generated. Lengths count the start token. */
export interface RagGeneration extends BeamConfig {
  readonly minLength: number
  readonly minNewTokens: number
  readonly noRepeatNgramSize: number
  readonly repetitionPenalty: number
  readonly forcedBosTokenId: number | readonly number[] | undefined
  readonly forcedEosTokenId: number | readonly number[] | undefined
  readonly suppressTokens: readonly number[]
  readonly beginSuppressTokens: readonly number[]
  readonly decoderStartTokenId: number
  /** Of the encoder's input: what is not it counts where RAG-sequence looks for candidates. */
  readonly padTokenId: number | undefined
  /** What candidates of RAG-sequence are scored with. */
  readonly scoring: { readonly padTokenId: number | undefined; readonly bosTokenId: number | undefined }
  /** Whether equal candidates of several documents count once. */
  readonly deduplicate: boolean
  /** The other settings that change scores, by transformers' names. */
  readonly settings: GenerationSettings
}

export type RagGenerationOptions = Partial<Omit<RagGeneration, 'scoring'>>

/**
 * The settings of generation that silane.json says, under what a caller sets. A `max_length` of 20 is transformers' default, which
 * RAG-sequence, but not RAG-token, takes for 20 new tokens. Throws E_CONFIG.
 */
export function ragGeneration(pipeline: Pipeline, options: RagGenerationOptions = {}): RagGeneration {
  const source = { config: pipeline, location: 'pipeline', file: 'silane.json' }
  const { decoding } = readConfig(source, whole)
  const { pad_token_id: padTokenId } = readConfig(source, padding, 'generation')
  const { settings } = readGenerationSettings([
    { file: 'silane.json', location: source.location, values: isSection(pipeline.generation) ? pipeline.generation : {} },
  ])
  const { max_length: most = 20, bos_token_id: [bos] = [], ...said } = settings
  const scored = readConfig(source, scoring, 'scoring')
  const ofGenerator = said.max_new_tokens === undefined ? most + (most === 20 ? 1 : 0) : said.max_new_tokens + 1
  const decoderStartTokenId = options.decoderStartTokenId ?? said.decoder_start_token_id ?? bos
  if (decoderStartTokenId === undefined)
    throw errors.E_CONFIG({ ...source, field: 'generation.decoder_start_token_id', problem: 'is missing', where: source.location })
  return {
    beams: said.num_beams ?? 1,
    maxLength: decoding === 'sequence' ? ofGenerator : most,
    minLength: said.min_length ?? 0,
    minNewTokens: said.min_new_tokens ?? 0,
    noRepeatNgramSize: said.no_repeat_ngram_size ?? 0,
    repetitionPenalty: said.repetition_penalty ?? 1,
    lengthPenalty: said.length_penalty ?? 1,
    earlyStopping: said.early_stopping ?? false,
    padTokenId,
    eosTokenIds: said.eos_token_id ?? [],
    forcedBosTokenId: said.forced_bos_token_id,
    forcedEosTokenId: said.forced_eos_token_id,
    suppressTokens: said.suppress_tokens ?? [],
    beginSuppressTokens: said.begin_suppress_tokens ?? [],
    settings,
    deduplicate: readConfig(source, documents, 'documents').deduplicate,
    ...options,
    decoderStartTokenId,
    scoring: { padTokenId: scored.pad_token_id, bosTokenId: scored.bos_token_id },
  }
}

/** The rules that the scores of an answer pass. */
export function ragRules(config: RagGeneration, { promptLength, vocabulary }: Pick<Situation, 'promptLength' | 'vocabulary'>): LogitsRule {
  const { eosTokenIds, maxLength } = config
  const [first, last] = [listed(config.forcedBosTokenId), listed(config.forcedEosTokenId)]
  const { do_sample: _, forced_bos_token_id: __, forced_eos_token_id: ___, ...others } = config.settings
  const settings: GenerationSettings = {
    ...others,
    min_length: config.minLength,
    min_new_tokens: config.minNewTokens,
    no_repeat_ngram_size: config.noRepeatNgramSize,
    repetition_penalty: config.repetitionPenalty,
    suppress_tokens: config.suppressTokens,
    begin_suppress_tokens: config.beginSuppressTokens,
    ...(first && { forced_bos_token_id: first }),
    ...(last && { forced_eos_token_id: last }),
  }
  const situation: Situation = {
    promptLength,
    maxLength,
    vocabulary,
    eosTokenIds,
    forcedFirst: first !== undefined,
    source: undefined,
    keep: 1,
  }
  return logitsRules(settings, situation, (key, problem) =>
    errors.E_CONFIG({ file: 'silane.json', field: `generation.${key}`, problem, where: 'pipeline' }),
  )
}

const listed = (ids: number | readonly number[] | undefined): readonly number[] | undefined => (typeof ids === 'number' ? [ids] : ids)

type Section = Readonly<Record<string, Json>>

const isSection = (json: Json | undefined): json is Section => typeof json === 'object' && json !== null && !Array.isArray(json)
