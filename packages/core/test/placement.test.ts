import { describe, expect, it } from 'vitest'
import { reshapedSlots, type Slot } from '../src/lower/ane/placement.ts'

describe('a reshape in place', () => {
  const cases: readonly (readonly [string, readonly number[], readonly Slot[], readonly number[], readonly Slot[] | undefined])[] = [
    ['merges rows and columns', [1, 4, 6, 3], [0, 2, 3, 1], [1, 24, 3], [0, 3, 1]],
    ['splits tokens', [2, 24, 3], [0, 3, 1], [2, 4, 6, 3], [0, 2, 3, 1]],
    ['flattens a map that a convolution gave', [2, 3, 4, 6], [0, 1, 2, 3], [2, 3, 24], [0, 1, 3]],
    ['splits heads', [2, 5, 12], [0, 3, 1], [2, 5, 3, 4], [0, 3, 1, 2]],
    ['drops a token', [2, 1, 3], [0, 3, 1], [2, 3], [0, 1]],
    ['takes windows as the batch of one image', [1, 9, 4, 3], [0, 2, 3, 1], [9, 4, 3], [2, 3, 1]],
    ['has no place for windows beside a batch', [2, 9, 4, 3], [0, 2, 3, 1], [18, 4, 3], undefined],
    ['does not mix tokens and channels', [2, 4, 6], [0, 3, 1], [2, 24], undefined],
    ['does not cut across axes', [2, 3, 5], [0, 3, 1], [3, 2, 5], undefined],
    ['has four places', [2, 4, 6], [0, 3, 1], [2, 2, 2, 2, 3], undefined],
    ['has no place for a number', [1, 1], [0, 1], [], undefined],
  ]
  it.each(cases)('%s', (_, from, slots, to, expected) => expect(reshapedSlots(from, slots, to)).toEqual(expected))
})
