/** The index of the largest score; the first of equals. */
export function argmax(scores: Float32Array): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[best] as number)) best = i
  return best
}

/** ln softmax, in double precision. */
export function logSoftmax(scores: Float32Array): Float32Array {
  let most = Number.NEGATIVE_INFINITY
  for (const score of scores) if (score > most) most = score
  let sum = 0
  for (const score of scores) sum += Math.exp(score - most)
  const norm = most + Math.log(sum)
  return scores.map(score => score - norm)
}

/** Indices from the largest score to the smallest; equal ones in their order. */
export const descending = (scores: Float32Array): number[] =>
  Array.from(scores, (_, id) => id).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)

/** An index drawn by softmax of the scores. `random` gives numbers in [0, 1). */
export function draw(scores: Float32Array, random: () => number): number {
  const weights = logSoftmax(scores).map(Math.exp)
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  let last = argmax(scores)
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] as number
    if (!(weight > 0)) continue
    left -= weight
    last = id
    if (left < 0) break
  }
  return last
}

/**
 * `count` different indices drawn by softmax of the scores, the largest score first. Adding Gumbel noise and taking the largest is
 * drawing without replacement; what has no probability comes only after all that has some.
 */
export function drawSeveral(scores: Float32Array, count: number, random: () => number): number[] {
  const noisy = logSoftmax(scores).map(score => score - Math.log(-Math.log(random())))
  return descending(noisy)
    .slice(0, count)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
}
