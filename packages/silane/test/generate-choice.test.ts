import { argmax, logSoftmax } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { chooseToken, type SamplingConfig, seededRandom } from '../src/generate/choose-token.ts'

const sampling: SamplingConfig = { doSample: true, temperature: 1, topK: 0, topP: 1 }

/** Scores whose softmax is these probabilities. */
const scoresOf = (...probabilities: number[]): Float32Array => Float32Array.from(probabilities, Math.log)

/** How often each token is drawn. */
function shares(scores: Float32Array, config: Partial<SamplingConfig>, draws = 4000): number[] {
  const random = seededRandom(7)
  const counts = Array.from(scores, () => 0)
  for (let i = 0; i < draws; i++) counts[chooseToken(scores, { ...sampling, ...config }, random)]! += 1 / draws
  return counts
}

const near = (actual: readonly number[], expected: readonly number[]) =>
  expect(actual.map((share, i) => Math.abs(share - (expected[i] ?? 0)) < 0.03)).toEqual(expected.map(() => true))

test('the largest score, the first of equals', () => {
  expect(argmax(Float32Array.from([1, 3, 3, 2]))).toBe(1)
  const never = () => expect.unreachable()
  expect(chooseToken(Float32Array.from([1, 3, 3, 2]), { ...sampling, doSample: false }, never)).toBe(1)
})

test('log softmax: large scores, and some that are ruled out', () => {
  const [a, b, c] = logSoftmax(Float32Array.from([1000, 1000 + Math.log(3), Number.NEGATIVE_INFINITY]))
  expect(a).toBeCloseTo(Math.log(0.25), 4)
  expect(b).toBeCloseTo(Math.log(0.75), 4)
  expect(c).toBe(Number.NEGATIVE_INFINITY)
})

describe('sampling', () => {
  const scores = scoresOf(0.5, 0.3, 0.15, 0.05)

  test('draws by probability', () => near(shares(scores, {}), [0.5, 0.3, 0.15, 0.05]))

  test('a low temperature sharpens', () => near(shares(scores, { temperature: 0.5 }), [0.685, 0.247, 0.062, 0.007]))

  test('top-k keeps the k largest', () => near(shares(scores, { topK: 2 }), [0.625, 0.375, 0, 0]))

  test('top-p keeps the fewest that reach p', () => {
    near(shares(scores, { topP: 0.79 }), [0.625, 0.375, 0, 0])
    near(shares(scores, { topP: 0.81 }), [0.526, 0.316, 0.158, 0])
    near(shares(scores, { topP: 0.01 }), [1, 0, 0, 0])
  })

  test('temperature comes before top-p', () => near(shares(scores, { temperature: 0.5, topP: 0.68 }), [1, 0, 0, 0]))

  test('top-p counts within top-k', () => near(shares(scores, { topK: 2, topP: 0.6 }), [1, 0, 0, 0]))

  test('never a token that is ruled out', () => {
    const ruled = Float32Array.from([Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY])
    expect(chooseToken(ruled, sampling, () => 0.999_999)).toBe(1)
  })
})

test('a seed determines what is drawn', () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 20 }, () => chooseToken(scoresOf(0.25, 0.25, 0.25, 0.25), sampling, random))
  }
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
  const random = seededRandom(3)
  for (let i = 0; i < 1000; i++) expect(random()).toSatisfy((value: number) => value >= 0 && value < 1)
})
