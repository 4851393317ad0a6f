import { describe, expect, test } from 'vitest'
import { readOption } from '../src/convert/read-option.ts'

describe('a number', () => {
  const spec = { type: 'number', minimum: 0, doc: 'a factor' } as const

  test.each([
    ['0.81', 0.81],
    [' 2 ', 2],
    ['1.5e-3', 0.0015],
    [1.25, 1.25],
  ])('%j is read', (given, value) => expect(readOption(given, spec)).toEqual({ value }))

  test.each(['', '1,5', '0x10', 'NaN', 'Infinity', '1e999', true, Number.POSITIVE_INFINITY])('%j is none', given =>
    expect(readOption(given, spec)).toEqual({ problem: `"${given}" is not a number` }),
  )

  test('may not be below the least', () => expect(readOption('-0.5', spec)).toEqual({ problem: '-0.5 is less than 0' }))
})

// Options of silane.json are JSON of somebody's.
test.each(['boolean', 'bytes', 'integer', 'integers', 'number', 'string'] as const)('an object is no %s', type => {
  expect(readOption({ toString: 1 }, { type, doc: '' })).toEqual({ problem: expect.stringMatching(/^"\{"toString":1}" is not /) })
})
