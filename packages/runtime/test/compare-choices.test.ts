import { type Constant, denseConstant } from '@silane/core'
import { expect, test } from 'vitest'
import { compareChoices } from '../src/index.ts'

const scores = denseConstant('fp32', [2, 3], Float32Array.of(1, 7.9, -3.4e38, 2, 4, 8))
const index = (at: number): Constant => denseConstant('int32', [1], Int32Array.of(at))
const choose = (axis: number, ...places: readonly number[]) =>
  compareChoices(
    places.map(at => ({ index: index(at), scores })),
    axis,
  )

test('the best choice, over all other axes, is equal', () => {
  expect(choose(0, 1).psnr).toBe(Number.POSITIVE_INFINITY)
  expect(choose(1, 2, 2).psnr).toBe(Number.POSITIVE_INFINITY)
})

test('another one is as far off as its score is below the best, in the worst sample', () => {
  expect(choose(0, 1, 0).maxAbs).toBeCloseTo(0.1, 5)
  expect(choose(0, 1, 0).psnr).toBeCloseTo(20 * Math.log10(8 / 0.1), 3)
  expect(choose(1, 1, 0, 2)).toMatchObject({ maxAbs: 6 })
})

test('equal scores are equal choices', () => {
  const tied = denseConstant('fp32', [2], Float32Array.of(5, 5))
  expect(compareChoices([{ index: index(1), scores: tied }], 0).psnr).toBe(Number.POSITIVE_INFINITY)
})

test.each([
  ['beyond the axis', index(3), scores, '3 is none of 3 places'],
  ['below 0', index(-1), scores, '-1 is none of 3 places'],
  ['of several numbers', denseConstant('int32', [2], Int32Array.of(2, 2)), scores, 'it is no single index'],
  ['of a masked score', index(1), denseConstant('fp32', [1, 2], Float32Array.of(5, -3.4e38)), 'a masked score was chosen'],
])('an index %s cannot be compared', (_, at, table, problem) => {
  expect(compareChoices([{ index: at, scores: table }], 1)).toMatchObject({ problem, psnr: Number.NEGATIVE_INFINITY })
})

test('where all scores are masked, any of them will do', () => {
  const none = denseConstant('fp32', [2], Float32Array.of(-3.4e38, -3.4e38))
  expect(compareChoices([{ index: index(1), scores: none }], 0).psnr).toBe(Number.POSITIVE_INFINITY)
})
