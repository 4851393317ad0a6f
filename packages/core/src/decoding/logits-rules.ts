/** What decides which tokens may come next. Ids are token ids; lengths count the decoder's start token or the prompt. */
export interface RuleConfig {
  readonly eosTokenIds: readonly number[]
  readonly forcedBosTokenId?: number | undefined
  readonly forcedEosTokenId?: number | undefined
  readonly noRepeatNgramSize: number
  readonly repetitionPenalty: number
  readonly suppressTokens: readonly number[]
  readonly beginSuppressTokens: readonly number[]
  readonly minLength: number
  readonly minNewTokens: number
  readonly maxLength: number
}

/** Length of the sequence before anything was generated. */
interface Progress {
  readonly ids: readonly number[]
  readonly promptLength: number
}

/** Changes the scores of the next token in place. */
type Rule = (scores: Float32Array, progress: Progress, config: RuleConfig) => void

const ban = (scores: Float32Array, ids: Iterable<number>): void => {
  for (const id of ids) if (id < scores.length) scores[id] = Number.NEGATIVE_INFINITY
}

const force = (scores: Float32Array, id: number): void => {
  scores.fill(Number.NEGATIVE_INFINITY)
  scores[id] = 0
}

const penalizeRepetition: Rule = (scores, { ids }, { repetitionPenalty }) => {
  if (repetitionPenalty === 1) return
  for (const id of new Set(ids)) {
    const score = scores[id] as number
    scores[id] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty
  }
}

/** Bans a token that would complete a run of `size` ids that occurred before. */
const noRepeatedNgram: Rule = (scores, { ids }, { noRepeatNgramSize: size }) => {
  if (size === 0 || ids.length + 1 < size) return
  const tail = ids.slice(ids.length - size + 1)
  for (let at = 0; at + size <= ids.length; at++) {
    if (tail.every((id, i) => ids[at + i] === id)) ban(scores, [ids[at + size - 1] as number])
  }
}

const minimumLength: Rule = (scores, { ids, promptLength }, { eosTokenIds, minLength, minNewTokens }) => {
  if (ids.length < minLength || ids.length - promptLength < minNewTokens) ban(scores, eosTokenIds)
}

const suppress: Rule = (scores, { ids, promptLength }, { suppressTokens, beginSuppressTokens }) => {
  ban(scores, suppressTokens)
  if (ids.length === promptLength) ban(scores, beginSuppressTokens)
}

const forceFirst: Rule = (scores, { ids }, { forcedBosTokenId }) => {
  if (forcedBosTokenId !== undefined && ids.length === 1) force(scores, forcedBosTokenId)
}

const forceLast: Rule = (scores, { ids }, { forcedEosTokenId, maxLength }) => {
  if (forcedEosTokenId !== undefined && ids.length === maxLength - 1) force(scores, forcedEosTokenId)
}

/** The rules in transformers' order (`generation/utils.py`, _get_logits_processor): later ones overrule earlier ones. */
const rules: readonly Rule[] = [penalizeRepetition, noRepeatedNgram, minimumLength, suppress, forceFirst, forceLast]

/** Applies every rule to the scores of the next token, in place. */
export function applyLogitsRules(scores: Float32Array, progress: Progress, config: RuleConfig): void {
  for (const rule of rules) rule(scores, progress, config)
}
