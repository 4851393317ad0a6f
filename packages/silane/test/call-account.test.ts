import { expect, test } from 'vitest'
import { CallAccount } from '../src/generate/call-account.ts'

/** How many calls of one kind there can be before one takes longer than it may. */
function calls(milliseconds: number, length: number, most: number): number {
  const account = new CallAccount()
  for (let count = 0; count < most; count++) {
    if (milliseconds >= account.patience(length)) return count
    account.took(milliseconds, length)
  }
  return most
}

test('a call that takes longer than its text explains is the last', () => {
  expect(calls(6000, 10, 9)).toBe(0)
  expect(calls(6000, 1_200_000, 9)).toBe(9)
})

test('slow calls are stopped together, quick ones never', () => {
  expect(calls(1500, 10, 1000)).toBe(3)
  expect(calls(200, 10, 1000)).toBeLessThan(60)
  expect(calls(25, 10, 1_000_000)).toBe(1_000_000)
  expect(calls(2000, 500_000, 1000)).toBe(1000)
})

test('a call that was slow once is paid back', () => {
  const account = new CallAccount()
  for (let round = 0; round < 100; round++) {
    expect(account.patience(0)).toBeGreaterThan(4500)
    account.took(3000, 0)
    expect(account.patience(0)).toBeLessThan(3000)
    for (let i = 0; i < 30; i++) account.took(0, 0)
  }
})
