import { expect, test } from 'vitest'
import { argmax, draw, drawSeveral, logSoftmax } from '../src/index.ts'

const none = Number.NEGATIVE_INFINITY

/** Numbers in [0, 1) that are spread evenly. */
function* spread(): Generator<number, number> {
  for (let i = 0; ; i++) yield (i * 0.6180339887498949 + 0.5) % 1
}

test('the largest score, the first of equals', () => {
  expect(argmax(Float32Array.from([1, 3, 3, 2]))).toBe(1)
})

test('log softmax: large scores, and some that are ruled out', () => {
  const [a, b, c] = logSoftmax(Float32Array.from([1000, 1000 + Math.log(3), none]))
  expect(a).toBeCloseTo(Math.log(0.25), 4)
  expect(b).toBeCloseTo(Math.log(0.75), 4)
  expect(c).toBe(none)
})

test('one is drawn by its probability, and never one that is ruled out', () => {
  const scores = Float32Array.from([0.5, 0, 0.3, 0.2], Math.log)
  const numbers = spread()
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 1000; i++) counts[draw(scores, () => numbers.next().value)]! += 1
  expect(counts.map(count => Math.round(count / 10))).toEqual([50, 0, 30, 20])
  expect(draw(Float32Array.from([none, 0, none]), () => 0.999_999)).toBe(1)
  expect(draw(scores, () => 0)).toBe(0)
})

test('several are different ones, the best first, and what is ruled out comes last', () => {
  const scores = Float32Array.from([0.1, 0, 0.6, 0.3], Math.log)
  const numbers = spread()
  const next = () => numbers.next().value
  const pairs = new Map<string, number>()
  for (let i = 0; i < 2000; i++) {
    const pair = drawSeveral(scores, 2, next).join()
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
  }
  expect([...pairs.keys()].sort()).toEqual(['2,0', '2,3', '3,0'])
  expect(pairs.get('2,3')).toBeGreaterThan(pairs.get('2,0') as number)
  expect(drawSeveral(scores, 4, next)).toEqual([2, 3, 0, 1])
})
