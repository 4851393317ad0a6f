import { describe, expect, test } from 'vitest'
import type { ConversionReport, StoredComparison } from '../src/report/report.ts'
import { verdict } from '../src/report/verdict.ts'

const figure = (psnr: StoredComparison['psnr'], gate?: number): StoredComparison => ({
  program: 'model',
  function: 'main',
  output: 'y',
  line: 'total',
  actual: 'package',
  expected: 'source graph',
  psnr,
  ...(gate === undefined ? {} : { gate }),
  ok: gate === undefined || psnr === 'equal' || (typeof psnr === 'number' && psnr >= gate),
})

const held = (original: boolean) => ({ program: 'model', function: 'main', inputs: 'random' as const, samples: 1, original })

const report = (facts: Partial<ConversionReport>): ConversionReport => ({
  schema: 1,
  ok: true,
  validated: true,
  comparisons: [],
  coverage: [],
  misses: [],
  warnings: [],
  unread: [],
  functions: [],
  notes: [],
  ...facts,
})

describe('the verdict', () => {
  test.each<[Partial<ConversionReport>, string, string]>([
    [
      { comparisons: [figure(61.6, 40), figure(80, 40), figure('equal', 120)] },
      'pass',
      '3 outputs pass, lowest 61.6 dB, not compared with the original',
    ],
    // What is only reported passes nothing.
    [
      { comparisons: [figure(12), figure(70, 40)], coverage: [held(true)] },
      'pass',
      '1 output passes, lowest 70.0 dB, compared with the original',
    ],
    [
      { comparisons: [figure('equal', 40)], coverage: [held(true), held(false)] },
      'pass',
      '1 output passes, equal in every bit, 1 of 2 functions compared with the original',
    ],
    [{ comparisons: [figure(31, 40), figure('none', 40), figure(50, 40)], misses: ['a', 'b'] }, 'miss', '2 of 3 outputs miss their gate'],
    // A weight that overflowed misses without a run.
    [{ validated: false, misses: ['a weight'] }, 'miss', '1 problem'],
    [{ validated: false }, 'unknown', 'not validated'],
    [{}, 'unknown', 'nothing was compared'],
  ])('of %j', (facts, result, text) => {
    expect(verdict(report(facts))).toEqual({ result, text })
  })
})
