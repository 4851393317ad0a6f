import type { Step } from '@silane/core'
import { expect, test } from 'vitest'
import { stepsToDecode } from '../src/pipeline/steps-for.ts'

const steps: readonly Step[] = [
  { call: 'vision', feeds: { pixels: 'pixels' }, gives: { seen: 'states', summary: 'summary' } },
  { call: 'text', feeds: { ids: 'words', picture: 'seen' }, gives: { keys: 'keys', values: 'values' } },
  { call: 'match', feeds: { ids: 'words', picture: 'seen' }, gives: { score: 'score' } },
  { decode: ['decoder'], entry: 'ids', feeds: { keys: 'keys', values: 'values' } },
]
const nameOf = (step: Step) => ('call' in step ? step.call : 'decode' in step ? step.decode[0] : 'place' in step ? 'place' : step.host)
const names = (...given: string[]) => stepsToDecode(steps, new Set(given)).map(nameOf)

test('what a decoder needs, and what that needs', () => {
  expect(names('pixels', 'words')).toEqual(['vision', 'text', 'decoder'])
})

test('not what is given already', () => {
  expect(names('seen', 'words')).toEqual(['text', 'decoder'])
  expect(names('keys', 'values')).toEqual(['decoder'])
  expect(names('keys')).toEqual(['vision', 'text', 'decoder'])
})

test('rows for the places of an id, where they can be made', () => {
  const placing: readonly Step[] = [
    { call: 'vision', feeds: { pixels: 'pixels' }, gives: { seen: 'states' } },
    { call: 'queries', feeds: { picture: 'seen' }, gives: { rows: 'rows' } },
    { decode: ['decoder'], entry: { embed: 'table', place: { id: 7, rows: 'rows' } }, feeds: {} },
  ]
  const placed = (...given: string[]) => stepsToDecode(placing, new Set(given)).map(nameOf)
  expect(placed('pixels')).toEqual(['vision', 'queries', 'decoder'])
  expect(placed('seen')).toEqual(['queries', 'decoder'])
  expect(placed('rows')).toEqual(['decoder'])
  expect(placed('vectors')).toEqual(['decoder'])
})

test('places in a text that an encoder reads', () => {
  const placing: readonly Step[] = [
    { call: 'vision', feeds: { pixels: 'pixels' }, gives: { rows: 'rows' } },
    { call: 'table', feeds: { ids: 'words' }, gives: { vectors: 'vectors' } },
    { place: 7, feeds: { ids: 'words', vectors: 'vectors', rows: 'rows' }, gives: { mixed: 'vectors' } },
    { call: 'encoder', feeds: { vectors: 'mixed' }, gives: { keys: 'keys' } },
    { decode: ['decoder'], entry: 'ids', feeds: { keys: 'keys' } },
  ]
  const placed = (...given: string[]) => stepsToDecode(placing, new Set(given)).map(nameOf)
  expect(placed('pixels', 'words')).toEqual(['vision', 'table', 'place', 'encoder', 'decoder'])
  expect(placed('mixed')).toEqual(['encoder', 'decoder'])
})
