import { describe, expect, it } from 'vitest'
import {
  allFinite,
  type Constant,
  castConstant,
  chunks,
  computedConstant,
  denseConstant,
  FiniteCheck,
  scaleConstant,
} from '../src/index.ts'

/** What a writer says of a constant that it reads `chunk` elements at a time. */
const found = (constant: Constant, chunk?: number) => {
  const check = new FiniteCheck(constant)
  for (const data of chunks(constant, chunk)) check.see(data)
  return check.found('x').map(({ elements, overflowed }) => ({ elements, overflowed }))
}

describe('a constant that is written', () => {
  const values = [1, Number.NaN, 1e6, -70000, Number.NEGATIVE_INFINITY, 65504, 1e6]
  const source = denseConstant('fp64', [7], Float64Array.from(values))

  it('tells what its type cannot hold from what was no number before', () => {
    expect(found(castConstant(source, 'fp16'))).toEqual([{ elements: 5, overflowed: 3 }])
    expect(found(castConstant(castConstant(source, 'fp32'), 'fp16'), 2)).toEqual([{ elements: 5, overflowed: 3 }])
    expect(found(castConstant(source, 'fp32'))).toEqual([{ elements: 2, overflowed: 0 }])
    expect(found(source)).toEqual([{ elements: 2, overflowed: 0 }])
  })

  it('in fp64 that passes the range of fp32 overflows', () => {
    const wide = denseConstant('fp64', [2], Float64Array.of(1e39, 1))
    expect(found(castConstant(wide, 'fp32'))).toEqual([{ elements: 1, overflowed: 1 }])
    expect(found(castConstant(castConstant(wide, 'fp32'), 'fp16'))).toEqual([{ elements: 1, overflowed: 1 }])
    // The product is what became infinite, before the narrowing.
    expect(found(castConstant(scaleConstant(castConstant(wide, 'fp32'), 2), 'fp16'))).toEqual([{ elements: 1, overflowed: 0 }])
  })

  it.each(['fp64', 'fp32', 'fp16', 'bf16'] as const)('of %s is seen wherever it stands', dtype => {
    for (const count of [1, 2, 3, 8, 9]) {
      for (let at = 0; at < count; at++) {
        for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          const data = Float64Array.from({ length: count }, (_, i) => (i === at ? odd : -65000))
          const constant = castConstant(denseConstant('fp64', [count], data), dtype)
          expect(allFinite(constant)).toBe(false)
          // Odd chunks begin between two words.
          for (const chunk of [1, 3, 8]) expect(found(constant, chunk)).toEqual([{ elements: 1, overflowed: 0 }])
        }
      }
    }
  })

  it.each(['fp32', 'fp16', 'bf16'] as const)('of %s says nothing where all are numbers', dtype => {
    const whole = castConstant(
      computedConstant('fp32', [70_001], 'whole', i => (i % 131_009) - 65_504),
      dtype,
    )
    expect(allFinite(whole)).toBe(true)
    expect(found(whole)).toEqual([])
  })
})
