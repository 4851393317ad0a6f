import { expect, test } from 'vitest'
import { finishedText } from '../src/generate/finished-text.ts'

test.each([
  ['', ''],
  ['a', 'a'],
  ['a\uFFFD\uFFFD', 'a'],
  ['\uFFFD', ''],
  ['\uFFFDa\uFFFD', '\uFFFDa'],
])('%j', (text, finished) => {
  expect(finishedText(text)).toBe(finished)
})

test('a long run that is not at the end takes no time', () => {
  const text = `${'\uFFFD'.repeat(400_000)}x`
  const started = performance.now()
  expect(finishedText(text)).toBe(text)
  expect(performance.now() - started).toBeLessThan(1000)
})
