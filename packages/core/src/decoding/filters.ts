import { ban } from './logits-rules.ts'
import { descending, logSoftmax } from './scores.ts'

/** What sampling rules out: transformers' `LogitsWarper`s. Each changes scores [V] in place and leaves at least `keep` of them. */
export type Filter = (scores: Float32Array, keep: number) => void

export const temperature =
  (value: number): Filter =>
  scores => {
    for (const [id, score] of scores.entries()) scores[id] = score / value
  }

/** The `k` largest, and what equals the least of them. */
export const topK =
  (k: number): Filter =>
  (scores, keep) => {
    const least = nth(scores, Math.max(k, keep))
    ban(
      scores,
      indices(scores, score => score < least),
    )
  }

/** The fewest whose probabilities together exceed `p`. */
export const topP =
  (p: number): Filter =>
  (scores, keep) => {
    const order = descending(scores)
    const probabilities = softmax(scores)
    let below = 0
    // From the least likely on: what adds up to no more than 1 − p goes.
    for (let i = order.length - 1; i >= keep; i--) {
      const id = order[i] as number
      below += probabilities[id] as number
      if (below <= 1 - p) ban(scores, [id])
    }
  }

/** Those at least `p` times as likely as the most likely. */
export const minP =
  (p: number): Filter =>
  (scores, keep) => {
    const probabilities = softmax(scores)
    const order = descending(scores)
    const least = p * (probabilities[order[0] as number] as number)
    ban(
      scores,
      order.slice(keep).filter(id => (probabilities[id] as number) < least),
    )
  }

/** How many tokens the filter by entropy looks at. */
const TOP_H = 100

/** The most likely, as long as their share of the entropy is at most `h` of that of the hundred most likely. */
export const topH =
  (h: number): Filter =>
  scores => {
    const order = descending(scores)
    const top = order.slice(0, TOP_H)
    const logs = logSoftmax(Float32Array.from(top, id => scores[id] as number))
    const terms = Array.from(logs, log => -Math.exp(log) * log)
    const entropy = terms.reduce((sum, term) => (Number.isNaN(term) ? sum : sum + term), 0)
    let seen = 0
    const kept = top.filter((_, i) => {
      // Once a token has no probability the sum is no number, and nothing after it stays: the order of the original.
      seen += terms[i] as number
      return i === 0 || seen <= entropy * h
    })
    const stays = new Set(kept)
    ban(
      scores,
      order.filter(id => !stays.has(id)),
    )
  }

/** Those whose surprise is nearest to the expected one, up to the probability `mass`. */
export const typical =
  (mass: number): Filter =>
  (scores, keep) => {
    const logs = logSoftmax(scores)
    const entropy = entropyOf(logs)
    const distance = logs.map(log => Math.abs(-log - entropy))
    const order = Array.from(distance, (_, id) => id).sort((a, b) => (distance[a] as number) - (distance[b] as number) || a - b)
    let sum = 0
    let last = 0
    while (last < order.length - 1) {
      sum += Math.exp(logs[order[last] as number] as number)
      if (sum >= mass) break
      last++
    }
    const farthest = distance[order[last] as number] as number
    ban(
      scores,
      order.slice(keep).filter(id => (distance[id] as number) > farthest),
    )
  }

/** Those with at least the probability `epsilon`. */
export const epsilonCutoff =
  (epsilon: number): Filter =>
  (scores, keep) =>
    cut(scores, keep, epsilon)

/** Those with at least the probability `epsilon`, or √epsilon · e^−entropy where that is less. */
export const etaCutoff =
  (epsilon: number): Filter =>
  (scores, keep) =>
    cut(scores, keep, Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropyOf(logSoftmax(scores)))))

function cut(scores: Float32Array, keep: number, least: number): void {
  const probabilities = softmax(scores)
  const kept = nth(scores, keep)
  ban(
    scores,
    indices(scores, (score, id) => (probabilities[id] as number) < least && score < kept),
  )
}

const softmax = (scores: Float32Array): Float32Array => logSoftmax(scores).map(Math.exp)

const entropyOf = (logs: Float32Array): number =>
  logs.reduce((sum, log) => (log > Number.NEGATIVE_INFINITY ? sum - Math.exp(log) * log : sum), 0)

/** The `count`th largest score, or the least. */
const nth = (scores: Float32Array, count: number): number => scores.toSorted().at(-Math.min(count, scores.length)) as number

const indices = (scores: Float32Array, test: (score: number, id: number) => boolean): number[] =>
  Array.from(scores, (_, id) => id).filter(id => test(scores[id] as number, id))
