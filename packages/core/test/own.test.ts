import { expect, test } from 'vitest'
import { own } from '../src/index.ts'

test('what a record has under a name is its own', () => {
  const record: Readonly<Record<string, number>> = JSON.parse('{ "a": 1, "toString": 2, "__proto__": 3 }')
  expect(['a', 'toString', '__proto__', 'constructor', 'b'].map(name => own(record, name))).toEqual([1, 2, 3, undefined, undefined])
  expect(['toString', '__proto__'].map(name => own({}, name))).toEqual([undefined, undefined])
  expect(own(undefined, 'a')).toBeUndefined()
})
