import { expect, test } from 'vitest'
import { growthOf } from '../src/tokenizers/growth-of.ts'

const replace = (pattern: { readonly [key: string]: string }, content: string) => ({ type: 'Replace', pattern, content })

test.each([
  [undefined, 1],
  [null, 1],
  [{ type: 'NFC' }, 1],
  [replace({ String: ' ' }, '▁'), 1],
  [replace({ String: 'long' }, ''), 1],
  [replace({ Regex: ' {2,}' }, '▁'), 2],
  [{ type: 'Precompiled' }, 64],
  [{ type: 'Sequence', normalizers: Array.from({ length: 10 }, () => replace({ String: 'a' }, 'aa')) }, 1024],
  [
    {
      type: 'Sequence',
      normalizers: [{ type: 'Sequence', normalizers: [replace({ Regex: '' }, 'ab')] }, replace({ String: 'ab' }, 'abab')],
    },
    6,
  ],
])('%j: %d', (normalizer, growth) => {
  expect(growthOf(normalizer)).toBe(growth)
})
