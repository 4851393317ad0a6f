import { epsilonCutoff, etaCutoff, type Filter, minP, temperature, topH, topK, topP, typical } from './filters.ts'
import type { EverySetting } from './generation-settings.ts'
import {
  ban,
  banNgrams,
  biasSequences,
  force,
  type LogitsRule,
  normalize,
  penalize,
  removeInvalid,
  type Situation,
  urgeToEnd,
} from './logits-rules.ts'
import {
  anyIds,
  beams,
  biases,
  count,
  decay,
  fewIds,
  finite,
  flag,
  idLists,
  ids,
  type Kind,
  notNegative,
  oneId,
  positive,
  share,
  someShare,
  stopping,
  text,
  whole,
} from './setting-kinds.ts'

/** One key: what it may be, what it does, and the rule that it makes for scores where it makes one. */
export interface Setting<T> extends Kind<T> {
  /** For the documentation. */
  readonly does: string
  /** Counts only where tokens are drawn, and is checked only there. */
  readonly sampling?: boolean
  /** A text says why the model or another setting rules the value out. */
  rule?(value: T, situation: Situation): LogitsRule | string | undefined
}

export type SettingKey = keyof EverySetting

const setting = <T>(kind: Kind<T>, does: string, rule?: Setting<T>['rule']): Setting<T> => ({ ...kind, does, ...(rule && { rule }) })

/** A key of sampling; `make` gives undefined where a value filters nothing. */
const filter = (kind: Kind<number>, does: string, make: (value: number) => Filter | undefined): Setting<number> => ({
  ...kind,
  does,
  sampling: true,
  rule: (value, { keep }) => {
    const apply = make(value)
    return apply && (scores => apply(scores, keep))
  },
})

const unknown = (ids: readonly number[], vocabulary: number): string | undefined => {
  const id = ids.find(each => each >= vocabulary)
  return id === undefined ? undefined : `has ${id}, which is no token of this model, whose ids are 0 to ${vocabulary - 1}`
}

/**
 * Every key that generation knows. Those that change scores stand in the order in which transformers applies them (`generation/utils.py`,
 * _get_logits_processor): later ones overrule earlier ones.
 */
export const generationTable: { readonly [K in SettingKey]: Setting<EverySetting[K]> } = {
  bos_token_id: setting(
    fewIds,
    'what an empty prompt begins with, and a decoder behind an encoder where decoder_start_token_id is not set',
  ),
  eos_token_id: setting(fewIds, 'ends the text; one id or several'),
  decoder_start_token_id: setting(oneId, 'what a decoder behind an encoder begins with'),
  max_length: setting(count, 'most tokens, with the prompt or the start token'),
  max_new_tokens: setting(whole, 'most tokens that are new; comes before max_length. Without either: 20'),
  max_time: setting(notNegative, 'seconds after which no further token is begun'),
  stop_strings: setting(text, 'texts after which nothing more is written; needs a tokenizer'),
  num_return_sequences: setting(beams, 'how many results: beams, or draws'),
  do_sample: setting(flag, 'draw tokens instead of taking the most likely; with beams, draw what they go on with'),
  num_beams: setting(beams, 'beam search'),
  early_stopping: setting(
    stopping,
    'of beam search: true ends it once there are as many results as beams, "never" only when none can get better',
  ),
  length_penalty: setting(finite, 'of beam search: results compete by score / length^penalty'),
  guidance_scale: setting(
    finite,
    'classifier-free guidance: away from what the model would write without the prompt; not behind an encoder',
  ),
  sequence_bias: setting(biases, 'is added to the score of the last token of a sequence', (value, { vocabulary }) => {
    return (
      unknown(
        value.flatMap(({ ids }) => ids),
        vocabulary,
      ) ?? biasSequences(value)
    )
  }),
  encoder_repetition_penalty: setting(
    positive,
    'above 1, what the encoder read, or the prompt, becomes more likely',
    (value, { source }) => (value === 1 || !source ? undefined : scores => penalize(scores, source, 1 / value)),
  ),
  repetition_penalty: setting(positive, 'above 1, what is there already becomes less likely', value =>
    value === 1 ? undefined : (scores, ids) => penalize(scores, ids, value),
  ),
  no_repeat_ngram_size: setting(count, 'no run of so many tokens comes twice', value =>
    value === 0 ? undefined : (scores, ids) => banNgrams(scores, ids, ids, value),
  ),
  encoder_no_repeat_ngram_size: setting(
    count,
    'no run of so many tokens that the encoder read, or that the prompt has, is written',
    (value, { source }) => (value === 0 || !source ? undefined : (scores, ids) => banNgrams(scores, ids, source, value)),
  ),
  bad_words_ids: setting(idLists, 'sequences that are not written', (value, { eosTokenIds, vocabulary }) => {
    const ends = new Set(eosTokenIds)
    const words = value.filter(([id, ...more]) => more.length > 0 || !ends.has(id as number))
    return unknown(value.flat(), vocabulary) ?? biasSequences(words.map(ids => ({ ids, bias: Number.NEGATIVE_INFINITY })))
  }),
  min_length: setting(count, 'least tokens before an end, with the prompt or the start token', (value, { eosTokenIds }) =>
    value === 0 ? undefined : (scores, ids) => ids.length < value && ban(scores, eosTokenIds),
  ),
  min_new_tokens: setting(
    count,
    'least tokens that are new before an end; comes before min_length',
    (value, { eosTokenIds, promptLength }) =>
      value === 0 ? undefined : (scores, ids) => ids.length - promptLength < value && ban(scores, eosTokenIds),
  ),
  forced_bos_token_id: setting(
    ids,
    'comes after a start token',
    (value, { vocabulary }) => unknown(value, vocabulary) ?? ((scores, ids) => ids.length === 1 && force(scores, value)),
  ),
  forced_eos_token_id: setting(
    ids,
    'comes last where a text gets as long as it may',
    (value, { maxLength, vocabulary }) =>
      unknown(value, vocabulary) ?? ((scores, ids) => ids.length === maxLength - 1 && force(scores, value)),
  ),
  remove_invalid_values: setting(flag, 'scores that are no finite numbers become some', value => (value ? removeInvalid : undefined)),
  exponential_decay_length_penalty: setting(
    decay,
    '[n, f]: after n tokens an end gets more likely by the factor f with every token',
    (value, at) => (at.eosTokenIds.length === 0 ? 'needs an eos_token_id' : urgeToEnd(value, at)),
  ),
  suppress_tokens: setting(anyIds, 'tokens that are not written', value => scores => ban(scores, value)),
  begin_suppress_tokens: setting(anyIds, 'tokens that do not come first; behind a forced first token, not second', (value, at) => {
    const begin = at.promptLength + (at.promptLength > 1 || !at.forcedFirst ? 0 : 1)
    return (scores, ids) => ids.length === begin && ban(scores, value)
  }),
  temperature: filter(positive, 'below 1 makes likely tokens more likely', value => (value === 1 ? undefined : temperature(value))),
  top_h: filter(someShare, 'keeps the most likely tokens up to this share of the entropy', topH),
  top_k: filter(count, 'keeps so many of the most likely tokens; 0 for all. Default 50', value => (value === 0 ? undefined : topK(value))),
  top_p: filter(notNegative, 'keeps the fewest tokens whose probabilities exceed it', value => (value < 1 ? topP(value) : undefined)),
  min_p: filter(share, 'keeps tokens at least so many times as likely as the most likely', minP),
  typical_p: filter(positive, 'keeps the tokens nearest to the expected surprise, up to this probability', value =>
    value < 1 ? typical(value) : undefined,
  ),
  epsilon_cutoff: filter(finite, 'keeps tokens at least so likely', value => (value > 0 && value < 1 ? epsilonCutoff(value) : undefined)),
  eta_cutoff: filter(finite, 'keeps tokens at least so likely, fewer where the model is sure', value =>
    value > 0 && value < 1 ? etaCutoff(value) : undefined,
  ),
  renormalize_logits: setting(flag, 'scores become log probabilities again', value => (value ? normalize : undefined)),
}

/** Default of transformers where a default does something. */
export const DEFAULT_TOP_K = 50

export const settingKeys = Object.keys(generationTable) as readonly SettingKey[]
