import { expect, test } from 'vitest'
import { seededRandom } from '../src/generate/seeded-random.ts'

test('a seed determines numbers in [0, 1)', () => {
  const numbers = (seed: number) => Array.from({ length: 1000 }, seededRandom(seed))
  expect(numbers(1)).toEqual(numbers(1))
  expect(numbers(1)).not.toEqual(numbers(2))
  for (const value of numbers(3)) expect(value).toSatisfy((value: number) => value >= 0 && value < 1)
  expect(numbers(4).reduce((sum, value) => sum + value) / 1000).toBeCloseTo(0.5, 1)
})
