import {
  errors as coreErrors,
  type GenerationSettings,
  isJsonObject,
  type Json,
  type JsonObject,
  type ReadSettings,
  readGenerationSettings,
  type SettingsSource,
} from '@silane/core'
import { errors } from './errors.ts'

/** What a caller may set; everything else comes from the model's files. */
export interface GenerationOptions {
  readonly maxNewTokens?: number | undefined
  readonly beams?: number | undefined
  readonly doSample?: boolean | undefined
  readonly temperature?: number | undefined
  readonly topK?: number | undefined
  readonly topP?: number | undefined
  /** Any setting by transformers' name, `{ min_p: 0.1 }`; the options above come before it. */
  readonly settings?: JsonObject | undefined
}

/** What is in a converted folder about generation. */
export interface GenerationFiles {
  readonly folder: string
  /** `pipeline.generation` of silane.json: what a model's own `generate` begins and ends with, whatever the files say. */
  readonly pipeline?: JsonObject | undefined
  readonly generation: JsonObject | undefined
  readonly config: JsonObject | undefined
}

/** What transformers generates where nothing says how much. */
const DEFAULT_NEW_TOKENS = 20

/** Sections of config.json that have what config.json itself does not set, the first one that is there (`from_model_config`). */
const sections = ['decoder', 'generator', 'text_config']

/**
 * The settings of one generation, by transformers' precedence: the call, generation_config.json; where there is no such file, the
 * generation keys of config.json. What neither sets is at the library's default. Throws E_CONFIG, E_UNSUPPORTED and E_OPTION.
 */
export function generationSettings(files: GenerationFiles, options: GenerationOptions): ReadSettings {
  const source = (file: string, values: JsonObject | undefined): SettingsSource[] =>
    values ? [{ file, location: files.folder, values }] : []
  const { settings = {}, maxNewTokens, beams, doSample, temperature, topK, topP } = options
  const call = {
    ...settings,
    ...set({ max_new_tokens: maxNewTokens, num_beams: beams, do_sample: doSample, temperature, top_k: topK, top_p: topP }),
  }
  return readGenerationSettings([
    { file: 'the call', location: files.folder, values: call, call: true },
    ...source('silane.json', files.pipeline),
    ...(files.generation
      ? source('generation_config.json', files.generation)
      : ofConfig(files.config).flatMap(of => source('config.json', of))),
  ])
}

/** The settings of generation that config.json has: its own, then those of a section. */
export function ofConfig(config: JsonObject | undefined): readonly JsonObject[] {
  if (!config) return []
  const section = sections.map(name => config[name]).find(isJsonObject)
  const { force_bos_token_to_be_generated: forced, bos_token_id: bos = null } = config
  // The older spelling of a forced first token.
  return [forced === true ? { ...config, forced_bos_token_id: bos } : config, ...(section ? [section] : [])]
}

/** Where the length of a sequence comes from. */
export interface LengthRequest {
  readonly settings: GenerationSettings
  readonly config: JsonObject | undefined
  readonly promptLength: number
  /** Of the cache. */
  readonly capacity?: number
}

/**
 * How long a sequence may get. A `max_length` counts the `promptLength` tokens that the decoder starts with, one of 20 too, as
 * transformers 5 reads it (`_prepare_generated_length`). The default counts new tokens and ends where the model's positions or the
 * `capacity` of its cache do: nobody asked for more. Throws E_MAX_LENGTH.
 */
export function longestSequence({ settings, config, promptLength, capacity = Number.POSITIVE_INFINITY }: LengthRequest): number {
  const { max_new_tokens: fresh, max_length } = settings
  const asked = fresh === undefined ? max_length : promptLength + fresh
  const longest = asked ?? Math.min(promptLength + DEFAULT_NEW_TOKENS, positionsOf(config), capacity)
  if (longest <= promptLength) throw errors.E_MAX_LENGTH({ maxLength: longest, tokens: promptLength })
  return longest
}

function positionsOf(config: JsonObject | undefined): number {
  const section = config?.text_config
  const found = [config, isJsonObject(section) ? section : undefined].flatMap(each => [each?.max_position_embeddings, each?.n_positions])
  return found.find(value => typeof value === 'number') ?? Number.POSITIVE_INFINITY
}

/**
 * What a decoder begins with: the prompt, or behind an encoder the start token. Nothing is `bos_token_id`, as `generate` of transformers
 * has it where it gets no ids. Throws E_PROMPT_EMPTY, and E_CONFIG where a decoder behind an encoder has no start token.
 */
export function promptOf(
  ids: readonly number[],
  settings: GenerationSettings,
  { encoded, folder }: { encoded: boolean; folder: string },
): readonly number[] {
  if (!encoded) return ids.length > 0 ? ids : beginning(settings)
  const start = settings.decoder_start_token_id ?? one(settings.bos_token_id)
  if (start !== undefined) return [start]
  const problem = 'is missing, and so is bos_token_id: a decoder behind an encoder begins with one of them'
  throw coreErrors.E_CONFIG({ file: 'generation_config.json', field: 'decoder_start_token_id', problem, where: folder })
}

/** The token that nothing begins with. Throws E_PROMPT_EMPTY. */
export function beginning({ bos_token_id }: GenerationSettings): readonly number[] {
  const bos = one(bos_token_id)
  if (bos === undefined || bos < 0) throw errors.E_PROMPT_EMPTY({})
  return [bos]
}

const one = (ids: readonly number[] | undefined): number | undefined => (ids?.length === 1 ? ids[0] : undefined)

const set = (values: Readonly<Record<string, Json | undefined>>): Record<string, Json> =>
  Object.fromEntries(Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])))
