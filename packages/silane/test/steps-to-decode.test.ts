import type { Step } from '@silane/core'
import { expect, test } from 'vitest'
import { stepsToDecode } from '../src/pipeline/steps-for.ts'

const steps: readonly Step[] = [
  { call: 'vision', feeds: { pixels: 'pixels' }, gives: { seen: 'states', summary: 'summary' } },
  { call: 'text', feeds: { ids: 'words', picture: 'seen' }, gives: { keys: 'keys', values: 'values' } },
  { call: 'match', feeds: { ids: 'words', picture: 'seen' }, gives: { score: 'score' } },
  { decode: ['decoder'], entry: 'ids', feeds: { keys: 'keys', values: 'values' } },
]
const names = (...given: string[]) =>
  stepsToDecode(steps, new Set(given)).map(step => ('call' in step ? step.call : 'decode' in step ? step.decode[0] : step.host))

test('what a decoder needs, and what that needs', () => {
  expect(names('pixels', 'words')).toEqual(['vision', 'text', 'decoder'])
})

test('not what is given already', () => {
  expect(names('seen', 'words')).toEqual(['text', 'decoder'])
  expect(names('keys', 'values')).toEqual(['decoder'])
  expect(names('keys')).toEqual(['vision', 'text', 'decoder'])
})
