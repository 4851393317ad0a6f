import type { Checkpoint, Json } from '@silane/core'

type Section = Readonly<Record<string, Json>>

/** What decides how tokens are chosen, by transformers' names, with its defaults (`GenerationConfig`). */
const defaults: Section = {
  num_beams: 1,
  do_sample: false,
  max_length: 20,
  max_new_tokens: null,
  min_length: 0,
  min_new_tokens: null,
  no_repeat_ngram_size: 0,
  repetition_penalty: 1,
  length_penalty: 1,
  early_stopping: false,
  bos_token_id: null,
  pad_token_id: null,
  eos_token_id: null,
  decoder_start_token_id: null,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  sequence_bias: null,
  bad_words_ids: null,
  remove_invalid_values: false,
  exponential_decay_length_penalty: null,
  renormalize_logits: false,
  guidance_scale: 1,
  encoder_repetition_penalty: 1,
  encoder_no_repeat_ngram_size: 0,
  max_time: null,
  stop_strings: null,
}

/** Settings that the functions of this plugin do not follow, where they are set. */
export const notFollowed = (settings: Section): readonly string[] =>
  ['guidance_scale', 'encoder_repetition_penalty', 'encoder_no_repeat_ngram_size', 'max_time', 'stop_strings'].filter(
    key => settings[key] !== undefined && settings[key] !== defaults[key],
  )

/** What the classes of generators have in place of these; a configuration may say null. */
const ofGenerator = {
  bart: { bos_token_id: 0, pad_token_id: 1, eos_token_id: 2, decoder_start_token_id: 2, forced_eos_token_id: 2 },
  t5: { pad_token_id: 0, eos_token_id: 1 },
} as const satisfies Readonly<Record<string, Section>>

const section = (json: Json | undefined): Section =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Section) : {}

/**
 * What generation begins and ends with. RAG-token asks generation_config.json, or, where there is none, config.json and, for what that
 * leaves at its default, its section `generator`. RAG-sequence asks that section, since the generator itself generates, and
 * config.json for the number of beams alone.
 */
export function generationSettings(checkpoint: Checkpoint, type: 'bart' | 't5', decoding: 'token' | 'sequence'): Section {
  const { config } = checkpoint
  const own = section(config.generator)
  const generator: Section = { ...defaults, ...ofGenerator[type], ...own, ...forcedStart(own) }
  const file = decoding === 'token' ? checkpoint.json('generation_config.json') : undefined
  const pick = (key: string): Json => {
    const [fallback = null, inside = null, said] = [defaults[key], generator[key], config[key]]
    if (file !== undefined) return section(file)[key] ?? fallback
    if (decoding === 'token') return said === undefined || said === null || said === fallback ? inside : said
    return key === 'num_beams' ? (said ?? fallback) : inside
  }
  return Object.fromEntries(Object.keys(defaults).flatMap(key => (pick(key) === null ? [] : [[key, pick(key)]])))
}

/** An older spelling of BART's. */
const forcedStart = ({ forced_bos_token_id, force_bos_token_to_be_generated, bos_token_id = 0 }: Section): Section =>
  force_bos_token_to_be_generated === true && (forced_bos_token_id ?? null) === null ? { forced_bos_token_id: bos_token_id } : {}

/** What an answer of RAG-sequence is scored with: padding does not count, and the first token not where all candidates begin with bos. */
export function scoringSettings({ config }: Checkpoint, type: 'bart' | 't5'): Section {
  const generator: Section = { ...defaults, ...ofGenerator[type], ...section(config.generator) }
  // A bos of 0 counts as none, as in the original, and the generator's is asked.
  const bos = config.bos_token_id || generator.bos_token_id
  return {
    ...(typeof generator.pad_token_id === 'number' ? { pad_token_id: generator.pad_token_id } : {}),
    ...(typeof bos === 'number' ? { bos_token_id: bos } : {}),
  }
}
