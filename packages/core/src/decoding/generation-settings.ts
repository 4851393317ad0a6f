import type { SequenceBias } from './logits-rules.ts'

/** What decides which tokens are generated, by transformers' names (`GenerationConfig`). */
export interface EverySetting {
  readonly bos_token_id: readonly number[]
  readonly eos_token_id: readonly number[]
  readonly decoder_start_token_id: number
  readonly max_length: number
  readonly max_new_tokens: number
  readonly max_time: number
  readonly stop_strings: readonly string[]
  readonly num_return_sequences: number
  readonly do_sample: boolean
  readonly num_beams: number
  readonly early_stopping: boolean | 'never'
  readonly length_penalty: number
  readonly guidance_scale: number
  readonly sequence_bias: readonly SequenceBias[]
  readonly encoder_repetition_penalty: number
  readonly repetition_penalty: number
  readonly no_repeat_ngram_size: number
  readonly encoder_no_repeat_ngram_size: number
  readonly bad_words_ids: readonly (readonly number[])[]
  readonly min_length: number
  readonly min_new_tokens: number
  readonly forced_bos_token_id: readonly number[]
  readonly forced_eos_token_id: readonly number[]
  readonly remove_invalid_values: boolean
  readonly exponential_decay_length_penalty: readonly [number, number]
  readonly suppress_tokens: readonly number[]
  readonly begin_suppress_tokens: readonly number[]
  readonly temperature: number
  readonly top_h: number
  readonly top_k: number
  readonly top_p: number
  readonly min_p: number
  readonly typical_p: number
  readonly epsilon_cutoff: number
  readonly eta_cutoff: number
  readonly renormalize_logits: boolean
}

/** What is set. A key that is not there is at its default. */
export type GenerationSettings = Partial<EverySetting>
