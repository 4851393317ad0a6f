import { type Constant, computedConstant, type DType } from '@silane/core'
import { expect, test } from 'vitest'
import { ZeroBiases } from '../src/zero-biases.ts'

/** A constant that counts the elements that are read. */
function counted(size: number, element: (index: number) => number, dtype: DType = 'fp16'): { constant: Constant; read: () => number } {
  const base = computedConstant(dtype, [size], String(element), element)
  let read = 0
  return {
    constant: {
      ...base,
      read: (start, count, into) => {
        read += count
        return base.read(start, count, into)
      },
    },
    read: () => read,
  }
}

test.each(['fp16', 'fp32', 'int32', 'bool'] as const)('zeros of %s are told from other elements', dtype => {
  const zeroBiases = new ZeroBiases()
  expect(zeroBiases.has(counted(70_000, () => 0, dtype).constant)).toBe(true)
  expect(zeroBiases.has(counted(70_000, index => Number(index === 69_999), dtype).constant)).toBe(false)
})

test('a zero below 0 is none', () => {
  expect(new ZeroBiases().has(counted(3, () => -0).constant)).toBe(false)
})

test('a bias is read once, and no further than to its first other element', () => {
  const zeroBiases = new ZeroBiases()
  const [zero, one] = [counted(200_000, () => 0), counted(1e9, () => 1)]
  for (let i = 0; i < 3; i++) expect([zeroBiases.has(zero.constant), zeroBiases.has(one.constant)]).toEqual([true, false])
  expect(zero.read()).toBe(200_000)
  expect(one.read()).toBeLessThan(100_000)
})

test('beyond the bound a bias stays where it is', () => {
  const zeroBiases = new ZeroBiases(100_000)
  expect(zeroBiases.has(counted(100_000, () => 0).constant)).toBe(true)
  const next = counted(1e9, index => index * 0)
  expect(zeroBiases.has(next.constant)).toBe(false)
  expect(next.read()).toBeLessThan(100_000)
})
