import { argmax } from '@silane/core'

/** How a token is drawn from its scores. */
export interface SamplingConfig {
  readonly doSample: boolean
  readonly temperature: number
  readonly topK: number
  readonly topP: number
}

/** The most likely token, or one drawn after temperature, top-k and top-p, in that order. `random` gives numbers in [0, 1). */
export function chooseToken(scores: Float32Array, config: SamplingConfig, random: () => number): number {
  if (!config.doSample) return argmax(scores)
  const kept = candidates(scores, config)
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  let left = random() * total
  for (const { id, weight } of kept) {
    left -= weight
    if (left < 0) return id
  }
  return kept.at(-1)?.id ?? argmax(scores)
}

function candidates(scores: Float32Array, { temperature, topK, topP }: SamplingConfig): { id: number; weight: number }[] {
  const order = Array.from(scores, (_, id) => id).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
  const most = scores[order[0] as number] as number
  const shortlist = (topK > 0 ? order.slice(0, topK) : order)
    .map(id => ({ id, weight: Math.exp(((scores[id] as number) - most) / temperature) }))
    .filter(({ weight }) => weight > 0)
  if (topP >= 1) return shortlist
  const total = shortlist.reduce((sum, { weight }) => sum + weight, 0)
  let mass = 0
  // The smallest set that reaches topP; the first token always stays.
  return shortlist.filter(({ weight }) => {
    const inside = mass < topP * total
    mass += weight
    return inside
  })
}

/** A generator of numbers in [0, 1) that a seed determines (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
