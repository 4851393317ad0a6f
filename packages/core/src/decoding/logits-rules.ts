import { logSoftmax } from './scores.ts'

/** Changes the scores of the next token [V] in place. `ids`: the sequence so far, with what it began with. */
export type LogitsRule = (scores: Float32Array, ids: readonly number[]) => void

/** What a rule is made for. */
export interface Situation {
  /** Length of the sequence before anything was generated: the prompt, or the decoder's start token. */
  readonly promptLength: number
  readonly maxLength: number
  readonly vocabulary: number
  readonly eosTokenIds: readonly number[]
  /** Whether `forced_bos_token_id` decides the first token. */
  readonly forcedFirst: boolean
  /** What the encoder read, or the prompt where there is none; undefined where neither is made of ids. */
  readonly source: readonly number[] | undefined
  /** A filter of sampling leaves at least so many tokens. */
  readonly keep: number
}

/** Adds to the score of the last id of a sequence, where the ones before it are there. */
export interface SequenceBias {
  readonly ids: readonly number[]
  readonly bias: number
}

export function ban(scores: Float32Array, ids: Iterable<number>): void {
  for (const id of ids) if (id >= 0 && id < scores.length) scores[id] = Number.NEGATIVE_INFINITY
}

/** Of several ids any may come. */
export function force(scores: Float32Array, ids: Iterable<number>): void {
  scores.fill(Number.NEGATIVE_INFINITY)
  for (const id of ids) scores[id] = 0
}

/** Scores of ids that stand in a sequence, times or over `penalty`, whichever makes them smaller for one above 1. */
export function penalize(scores: Float32Array, ids: Iterable<number>, penalty: number): void {
  for (const id of new Set(ids)) {
    const score = scores[id]
    if (score !== undefined) scores[id] = score < 0 ? score * penalty : score / penalty
  }
}

/** Bans a token that would complete a run of `size` ids that occurs in `read`. */
export function banNgrams(scores: Float32Array, ids: readonly number[], read: readonly number[], size: number): void {
  if (ids.length + 1 < size) return
  const tail = ids.slice(ids.length - size + 1)
  for (let at = 0; at + size <= read.length; at++) {
    if (tail.every((id, i) => read[at + i] === id)) ban(scores, [read[at + size - 1] as number])
  }
}

/** All biases are added at once, as in the original: one may stand in `biases` for the same sequence, the last of equals counts. */
export function biasSequences(biases: readonly SequenceBias[]): LogitsRule {
  const each = [...new Map(biases.map(entry => [entry.ids.join(), entry])).values()]
  return (scores, ids) => {
    const sum = new Float32Array(scores.length)
    for (const { ids: sequence, bias } of each) {
      const before = sequence.length - 1
      if (before > ids.length || !sequence.slice(0, -1).every((id, i) => ids[ids.length - before + i] === id)) continue
      const last = sequence[before] as number
      sum[last] = (sum[last] as number) + bias
    }
    for (const [id, bias] of sum.entries()) if (bias !== 0) scores[id] = (scores[id] as number) + bias
  }
}

/** From the token after `start` new ones on, the end gains |score| · (factor^n − 1), where n counts the tokens since. */
export function urgeToEnd([start, factor]: readonly [number, number], { eosTokenIds, promptLength }: Situation): LogitsRule {
  return (scores, ids) => {
    const late = ids.length - promptLength - start
    if (late <= 0) return
    for (const id of eosTokenIds) {
      const score = scores[id]
      if (score !== undefined && Number.isFinite(score)) scores[id] = score + Math.abs(score) * (factor ** late - 1)
    }
  }
}

/** Largest float32. */
const LARGEST = 3.4028234663852886e38

/** NaN becomes 0, and what is infinite the largest number of its sign. */
export const removeInvalid: LogitsRule = scores => {
  for (const [id, score] of scores.entries()) if (!Number.isFinite(score)) scores[id] = Number.isNaN(score) ? 0 : Math.sign(score) * LARGEST
}

export const normalize: LogitsRule = scores => scores.set(logSoftmax(scores))
