import { errors, nearest, type SilaneError } from '../errors.ts'
import type { Json } from '../plugin/checkpoint.ts'
import type { EverySetting, GenerationSettings } from './generation-settings.ts'
import { DEFAULT_TOP_K, generationTable, type SettingKey, settingKeys } from './generation-table.ts'
import type { LogitsRule, Situation } from './logits-rules.ts'
import { entriesIn, MOST_ENTRIES } from './setting-kinds.ts'

/** Where settings stand. */
export interface SettingsSource {
  /** How it is called in an error: generation_config.json, say. */
  readonly file: string
  readonly location: string
  readonly values: Readonly<Record<string, Json>>
  /** Set by whoever calls, who gets an error for a key that there is not, and a note for one that does nothing. */
  readonly call?: boolean
}

export interface ReadSettings {
  readonly settings: GenerationSettings
  /** What is set, would change what is generated, and is not followed; and what a caller set in vain. */
  readonly notes: readonly string[]
  /** The error for the value of a key, with the place where it stands. */
  readonly blame: (key: string, problem: string) => SilaneError
}

/** What a key is refused for that transformers refuses, or that it has handed to code from the hub. */
interface Refusal {
  readonly key: string
  readonly why: string
  /** `top`: top_k, which counts here where nothing is drawn. */
  when(value: Json, settings: GenerationSettings, top: Json): boolean
}

const beams = ({ num_beams = 1 }: GenerationSettings): boolean => num_beams > 1
const above = (value: Json, least: number): boolean => typeof value === 'number' && value > least
const FROM_HUB = 'is code on the hub since transformers 5, which silane does not run'

/** Arguments of the call of `generate` that no file may hold. */
const arguments_ = [
  'logits_processor',
  'stopping_criteria',
  'prefix_allowed_tokens_fn',
  'synced_gpus',
  'assistant_model',
  'streamer',
  'negative_prompt_ids',
  'negative_prompt_attention_mask',
]

const refusals: readonly Refusal[] = [
  {
    key: 'penalty_alpha',
    why: `asks for contrastive search, which ${FROM_HUB}`,
    when: (value, settings, top) => above(value, 0) && !settings.do_sample && !beams(settings) && above(top ?? DEFAULT_TOP_K, 1),
  },
  {
    key: 'num_beam_groups',
    why: `asks for group beam search, which ${FROM_HUB}`,
    when: (value, settings) => above(value, 1) && beams(settings),
  },
  { key: 'constraints', why: `asks for constrained beam search, which ${FROM_HUB}`, when: () => true },
  { key: 'force_words_ids', why: `asks for constrained beam search, which ${FROM_HUB}`, when: () => true },
  { key: 'dola_layers', why: `asks for DoLa decoding, which ${FROM_HUB}`, when: (_, settings) => !beams(settings) },
  {
    key: 'low_memory',
    why: 'is not supported with beams by transformers either',
    when: (value, settings) => value === true && beams(settings),
  },
  ...arguments_.map(key => ({ key, why: 'is an argument of a call, not a setting', when: () => true })),
]

/** Keys that change what is generated and that nothing here follows. */
const notFollowed: readonly { readonly key: string; readonly does: string }[] = [
  { key: 'watermarking_config', does: 'the text has no watermark' },
  { key: 'token_healing', does: 'the last token of the prompt stays as it is' },
]

/** Keys of transformers that change nothing about the tokens of one text: caches, what is returned, how fast it comes. */
const withoutEffect = [
  'pad_token_id',
  'use_cache',
  'cache_implementation',
  'cache_config',
  'max_cache_len',
  'output_attentions',
  'output_hidden_states',
  'output_scores',
  'output_logits',
  'return_dict_in_generate',
  'diversity_penalty',
  'use_mtp',
  'is_assistant',
  'num_assistant_tokens',
  'num_assistant_tokens_schedule',
  'assistant_confidence_threshold',
  'prompt_lookup_num_tokens',
  'max_matching_ngram_size',
  'assistant_early_exit',
  'assistant_lookbehind',
  'target_lookbehind',
  'assistant_ensemble_weight',
  'speculation_type',
  'compile_config',
  'disable_compile',
  'continuous_batching_config',
  'prefill_chunk_size',
]

/**
 * The settings of a generation: for each key the first source that sets it, null being the same as not there. Throws E_CONFIG where a
 * value is none that the key may have, E_UNSUPPORTED where transformers refuses it or has handed it to code from the hub, and E_OPTION
 * for what a caller sets.
 */
export function readGenerationSettings(sources: readonly SettingsSource[]): ReadSettings {
  const find = (key: string): SettingsSource | undefined => sources.find(({ values }) => values[key] !== undefined && values[key] !== null)
  const value = (key: string): Json => find(key)?.values[key] ?? null
  const blame = (key: string, problem: string): SilaneError => {
    const source = find(key)
    if (!source || source.call)
      return errors.E_OPTION({ option: key, problem, next: 'The table of settings is in the documentation of `silane generate`.' })
    return errors.E_CONFIG({ file: source.file, field: key, problem, where: source.location })
  }
  const settings: Taken = {}
  const sampling = value('do_sample') === true
  const notes: string[] = []
  for (const key of settingKeys) {
    const asked = find(key)?.call === true
    const idle = generationTable[key].sampling === true && !sampling
    if (idle && asked) notes.push(`${key} changes nothing where no token is drawn (do_sample)`)
    // As in transformers, a file may say anything about sampling that does not take place.
    if (!idle || asked) take(settings, key, value(key), blame)
  }
  for (const { key, why, when } of refusals) {
    if (value(key) === null || !when(value(key), settings, value('top_k'))) continue
    const source = find(key)
    const where = source && !source.call ? `${source.file}: ` : ''
    throw errors.E_UNSUPPORTED({ what: `${where}${key} ${why}.`, next: `Leave ${key} out.` })
  }
  for (const { key, does } of notFollowed) {
    const set = value(key)
    if (set !== null && set !== false) notes.push(`${find(key)?.file}: ${key} is not followed: ${does}`)
  }
  checkCall(sources, blame)
  check(settings, blame)
  const { min_new_tokens, min_length: _, ...others } = settings
  return { settings: min_new_tokens === undefined ? settings : { ...others, min_new_tokens }, notes, blame }
}

/** Settings while they are read. */
type Taken = { -readonly [K in SettingKey]?: EverySetting[K] }

function take<K extends SettingKey>(into: Taken, key: K, json: Json, blame: ReadSettings['blame']): void {
  if (json === null) return
  if (entriesIn(json) > MOST_ENTRIES) throw blame(key, `holds more than ${MOST_ENTRIES} numbers and lists`)
  const found = generationTable[key].read(json)
  if (found === undefined) throw blame(key, `must be ${generationTable[key].wants}, and is ${JSON.stringify(json)}`)
  into[key] = found
}

function checkCall(sources: readonly SettingsSource[], blame: ReadSettings['blame']): void {
  const known = [...settingKeys, ...withoutEffect, ...refusals.map(({ key }) => key), ...notFollowed.map(({ key }) => key)]
  for (const { values } of sources.filter(({ call }) => call)) {
    const stranger = Object.keys(values).find(key => values[key] !== null && !known.includes(key))
    if (stranger !== undefined) throw blame(stranger, `is no setting of generation. Closest names: ${nearest(stranger, known).join(', ')}`)
  }
}

/** What settings must be to each other (transformers' `GenerationConfig.validate`). */
function check(settings: GenerationSettings, blame: ReadSettings['blame']): void {
  const { num_return_sequences: results = 1, num_beams = 1, do_sample, suppress_tokens = [] } = settings
  if (results > 1 && num_beams === 1 && !do_sample)
    throw blame('num_return_sequences', `is ${results}: the most likely tokens are one result; more need num_beams or do_sample`)
  if (results > num_beams && num_beams > 1) throw blame('num_return_sequences', `is ${results}, and there are ${num_beams} beams`)
  const suppressed = new Set(suppress_tokens)
  for (const key of ['forced_bos_token_id', 'forced_eos_token_id'] as const) {
    const forced = settings[key] ?? []
    if (forced.length > 0 && forced.every(id => suppressed.has(id))) throw blame(key, `has nothing that suppress_tokens does not rule out`)
  }
}

/**
 * The rules of these settings for scores, applied one after the other; filters of sampling among them where tokens are drawn. `blame`
 * makes the error for a value that the model rules out.
 */
export function logitsRules(settings: GenerationSettings, situation: Situation, blame: ReadSettings['blame']): LogitsRule {
  const rules = settingKeys.flatMap(key => {
    const rule = generationTable[key].sampling && !settings.do_sample ? undefined : ruleOf(key, settings, situation)
    if (typeof rule === 'string') throw blame(key, rule)
    return rule ?? []
  })
  return (scores, ids) => {
    for (const rule of rules) rule(scores, ids)
  }
}

function ruleOf<K extends SettingKey>(key: K, settings: GenerationSettings, situation: Situation): LogitsRule | string | undefined {
  const fallback: GenerationSettings = { top_k: DEFAULT_TOP_K }
  const value: EverySetting[K] | undefined = settings[key] ?? fallback[key]
  return value === undefined ? undefined : generationTable[key].rule?.(value, situation)
}
