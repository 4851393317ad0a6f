import type { BeamConfig, Json } from '@silane/core'
import type { SamplingConfig } from './choose-token.ts'
import { errors } from './errors.ts'

type JsonObject = { readonly [key: string]: Json }

/** What a caller may set; everything else comes from the model's files. */
export interface GenerationOptions {
  readonly maxNewTokens?: number | undefined
  readonly beams?: number | undefined
  readonly doSample?: boolean | undefined
  readonly temperature?: number | undefined
  readonly topK?: number | undefined
  readonly topP?: number | undefined
}

export interface GenerationConfig extends BeamConfig, SamplingConfig {
  readonly decoderStartTokenId: number | undefined
}

/** What transformers generates where nothing says how much. */
const DEFAULT_NEW_TOKENS = 20

/**
 * The settings of one generation, by transformers' precedence: options of the call, generation_config.json, the
 * generation keys of config.json, the library's defaults. A `max_length` counts the `promptLength` tokens that the decoder starts
 * with, one of 20 too, as transformers 5 reads it (`_prepare_generated_length`). The default counts new tokens and ends where the
 * model's positions or the `capacity` of its cache do: nobody asked for more. Throws E_MAX_LENGTH.
 */
export function generationConfig(
  files: readonly (JsonObject | undefined)[],
  options: GenerationOptions,
  promptLength: number,
  capacity = Number.POSITIVE_INFINITY,
): GenerationConfig {
  const look = (key: string): Json | undefined => {
    for (const file of files) {
      const value = file?.[key]
      if (value !== undefined && value !== null) return value
    }
    return undefined
  }
  const number = (key: string, fallback: number): number => {
    const value = look(key)
    return typeof value === 'number' ? value : fallback
  }
  const id = (key: string): number | undefined => {
    const value = look(key)
    return typeof value === 'number' ? value : undefined
  }
  const ids = (key: string): number[] => {
    const value = look(key)
    return typeof value === 'number' ? [value] : Array.isArray(value) ? value.filter(item => typeof item === 'number') : []
  }
  const maxNewTokens = options.maxNewTokens ?? id('max_new_tokens')
  const early = look('early_stopping')
  const maxLength = maxNewTokens === undefined ? id('max_length') : promptLength + maxNewTokens
  const positions = number('max_position_embeddings', number('n_positions', Number.POSITIVE_INFINITY))
  const longest = maxLength ?? Math.min(promptLength + DEFAULT_NEW_TOKENS, positions, capacity)
  if (longest <= promptLength) throw errors.E_MAX_LENGTH({ maxLength: longest, tokens: promptLength })
  return {
    decoderStartTokenId: id('decoder_start_token_id') ?? id('bos_token_id'),
    eosTokenIds: ids('eos_token_id'),
    forcedBosTokenId: id('forced_bos_token_id') ?? (look('force_bos_token_to_be_generated') === true ? id('bos_token_id') : undefined),
    forcedEosTokenId: id('forced_eos_token_id'),
    noRepeatNgramSize: number('no_repeat_ngram_size', 0),
    repetitionPenalty: number('repetition_penalty', 1),
    suppressTokens: ids('suppress_tokens'),
    beginSuppressTokens: ids('begin_suppress_tokens'),
    minLength: number('min_length', 0),
    minNewTokens: number('min_new_tokens', 0),
    maxLength: longest,
    beams: options.beams ?? number('num_beams', 1),
    lengthPenalty: number('length_penalty', 1),
    earlyStopping: early === true ? true : early === 'never' ? 'never' : false,
    doSample: options.doSample ?? look('do_sample') === true,
    temperature: options.temperature ?? number('temperature', 1),
    topK: options.topK ?? number('top_k', 50),
    topP: options.topP ?? number('top_p', 1),
  }
}
