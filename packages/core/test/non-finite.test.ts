import { describe, expect, it } from 'vitest'
import {
  allFinite,
  type Constant,
  castConstant,
  chunks,
  computedConstant,
  denseConstant,
  FiniteCheck,
  FiniteConstants,
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

describe('constants that are known to be finite', () => {
  const source = (values: readonly number[]) => denseConstant('fp32', [values.length], Float32Array.from(values))
  /** What a second writer says, which shares what the first has seen. */
  const second = (first: Constant, again: Constant) => {
    const known = new FiniteConstants()
    const results = [first, again].map(constant => {
      const looked = known.has(constant)
      const check = new FiniteCheck(constant, known)
      for (const data of chunks(constant)) check.see(data)
      return { looked: !looked, found: check.found('x').map(({ elements, overflowed }) => ({ elements, overflowed })) }
    })
    return results[1]
  }

  it('are not looked at again in a type that holds more', () => {
    const small = source([1, -65504, 0])
    expect(second(castConstant(small, 'fp16'), small)).toEqual({ looked: false, found: [] })
    expect(second(castConstant(small, 'fp16'), castConstant(small, 'bf16'))).toEqual({ looked: false, found: [] })
    expect(second(small, small)).toEqual({ looked: false, found: [] })
  })

  it('are looked at again in a type that holds less', () => {
    const large = source([1, 1e6])
    expect(second(large, castConstant(large, 'fp16'))).toEqual({ looked: true, found: [{ elements: 1, overflowed: 1 }] })
  })

  it('are not those in which something was found', () => {
    const large = source([1, 1e6])
    expect(second(castConstant(large, 'fp16'), large)).toEqual({ looked: true, found: [] })
    const broken = source([1, Number.NaN])
    expect(second(castConstant(broken, 'fp16'), broken)).toEqual({ looked: true, found: [{ elements: 1, overflowed: 0 }] })
    expect(second(broken, broken)).toEqual({ looked: true, found: [{ elements: 1, overflowed: 0 }] })
  })
})
