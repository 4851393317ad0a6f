import { readAll } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { alibi, alibiSlopes } from '../src/alibi.ts'

describe('slopes', () => {
  it('of a power of two of heads halve, quarter … down to 2⁻⁸', () => {
    expect(alibiSlopes(8)).toEqual([2 ** -1, 2 ** -2, 2 ** -3, 2 ** -4, 2 ** -5, 2 ** -6, 2 ** -7, 2 ** -8])
    expect(alibiSlopes(4)).toEqual([2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8])
    expect(alibiSlopes(1)).toEqual([2 ** -8])
    expect(alibiSlopes(16).slice(0, 3)).toEqual([2 ** -0.5, 2 ** -1, 2 ** -1.5])
  })
  it('of other numbers continue with those between, unsorted', () => {
    expect(alibiSlopes(12)).toEqual([...alibiSlopes(8), 2 ** -0.5, 2 ** -1.5, 2 ** -2.5, 2 ** -3.5])
    expect(alibiSlopes(3)).toEqual([2 ** -4, 2 ** -8, 2 ** -2])
    expect(alibiSlopes(6)).toEqual([...alibiSlopes(4), 2 ** -1, 2 ** -3])
  })
})

it('the bias falls with the distance, on both sides', () => {
  const bias = alibi(2, 3)
  expect(bias.shape).toEqual([1, 2, 3, 3])
  const distances = [0, -1, -2, -1, 0, -1, -2, -1, 0]
  const elements = [2 ** -4, 2 ** -8].flatMap(slope => distances.map(distance => distance && distance * slope))
  expect([...readAll(bias)]).toEqual(elements)
  expect([...bias.read(7, 4)]).toEqual(elements.slice(7, 11))
})
