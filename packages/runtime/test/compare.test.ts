import { type Constant, type DType, denseConstant, type NumericArray } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { compare, compareSamples, ENOUGH_ELEMENTS } from '../src/index.ts'

const floats = (shape: readonly number[], ...elements: number[]): Constant => denseConstant('fp32', shape, Float32Array.from(elements))
const of = (dtype: DType, data: NumericArray): Constant => denseConstant(dtype, [data.length], data)

describe('compare', () => {
  it('is 10·log10(peak² / mse), the largest difference and the cosine', () => {
    const { psnr, maxAbs, cosine } = compare(floats([4], 3, 4, 0, -10), floats([4], 3, 4, 0, -9))
    expect(psnr).toBeCloseTo(10 * Math.log10(100 / (1 / 4)), 10)
    expect(maxAbs).toBe(1)
    expect(cosine).toBeCloseTo(115 / Math.sqrt(125 * 106), 10)
  })

  it('takes the peak from the reference, not from what is compared', () => {
    expect(compare(floats([2], 1, 0), floats([2], 1, 1000)).psnr).toBeCloseTo(10 * Math.log10(1 / (1e6 / 2)), 10)
  })

  it('computes in double precision', () => {
    const { psnr } = compare(of('fp64', Float64Array.of(1e30, 0)), of('fp64', Float64Array.of(1e30, 1e10)))
    expect(psnr).toBeCloseTo(10 * Math.log10(1e60 / (1e20 / 2)), 8)
  })

  it('is infinite where all is equal, whatever the type', () => {
    const equal = { psnr: Number.POSITIVE_INFINITY, maxAbs: 0, cosine: 1, worst: Number.POSITIVE_INFINITY }
    expect(compare(floats([2], 1, 2), floats([2], 1, 2))).toEqual(equal)
    expect(compare(floats([2], 0, 0), floats([2], 0, -0))).toEqual(equal)
    expect(compare(of('fp16', Float16Array.of(1.5)), floats([1], 1.5))).toEqual(equal)
    expect(compare(of('int32', Int32Array.of(7)), of('int64', BigInt64Array.of(7n)))).toEqual(equal)
  })

  it('wants integers, truth values and a reference of zeros to be equal', () => {
    expect(compare(of('int32', Int32Array.of(1000, 2)), of('int32', Int32Array.of(1000, 3)))).toMatchObject({
      psnr: Number.NEGATIVE_INFINITY,
      maxAbs: 1,
    })
    expect(compare(of('bool', Uint8Array.of(1, 0)), of('bool', Uint8Array.of(1, 1))).psnr).toBe(Number.NEGATIVE_INFINITY)
    expect(compare(floats([2], 0, 0), floats([2], 0, 1e-30)).psnr).toBe(Number.NEGATIVE_INFINITY)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('has no figure where there is %d', wrong => {
    expect(compare(floats([2], 1, 2), floats([2], 1, wrong)).psnr).toBe(Number.NEGATIVE_INFINITY)
    expect(compare(floats([2], 1, wrong), floats([2], 1, 2)).psnr).toBe(Number.NEGATIVE_INFINITY)
  })

  it('looks only at the rows that the mask keeps', () => {
    const reference = floats([1, 2, 2], 1, 2, 3, 4)
    const mask = denseConstant('int32', [1, 2], Int32Array.of(1, 0))
    expect(compare(reference, floats([1, 2, 2], 1, 2, Number.NaN, 9), mask).psnr).toBe(Number.POSITIVE_INFINITY)
    // Peak and mean are those of the rows kept.
    expect(compare(reference, floats([1, 2, 2], 1, 1, 9, 9), mask).psnr).toBeCloseTo(10 * Math.log10(4 / (1 / 2)), 10)
    expect(compare(reference, reference, floats([1], 1)).psnr).toBe(Number.POSITIVE_INFINITY)
    expect(compare(reference, floats([1, 2, 2], 9, 9, 9, 9), floats([1, 2], 0, 0)).psnr).toBe(Number.POSITIVE_INFINITY)
  })

  it('refuses other shapes and masks that do not lead', () => {
    expect(() => compare(floats([1, 2], 1, 2), floats([2, 1], 1, 2))).toThrow('[2,1] instead of [1,2]')
    expect(() => compare(floats([1, 2, 2], 1, 2, 3, 4), floats([1, 2, 2], 1, 2, 3, 4), floats([2, 1], 1, 1))).toThrow(
      'a mask of [2,1] for [1,2,2]',
    )
    expect(() => compare(floats([2], 1, 2), floats([2], 1, 2), floats([2, 1], 1, 1))).toThrow('a mask of [2,1] for [2]')
  })
})

describe('compareSamples', () => {
  it('takes peak and error of all samples together', () => {
    const one = { reference: floats([1, 2], 10, 0), actual: floats([1, 2], 10, 0) }
    const other = { reference: floats([1, 2], 1, 0), actual: floats([1, 2], 1, 2) }
    expect(compareSamples([one, other]).psnr).toBeCloseTo(10 * Math.log10(100 / (4 / 4)), 10)
    expect(compareSamples([one, other]).maxAbs).toBe(2)
    expect(compareSamples([one, one]).psnr).toBe(Number.POSITIVE_INFINITY)
  })

  it('tells the sample that fares worst, of those large enough to tell', () => {
    const large = (error: number) => ({
      reference: floats([ENOUGH_ELEMENTS], ...Array(ENOUGH_ELEMENTS).fill(1)),
      actual: floats([ENOUGH_ELEMENTS], ...Array(ENOUGH_ELEMENTS).fill(1 + error)),
    })
    const { psnr, worst } = compareSamples([large(0.5), large(0.25)])
    expect(psnr).toBeCloseTo(10 * Math.log10(1 / ((0.25 + 0.0625) / 2)), 6)
    expect(worst).toBeCloseTo(10 * Math.log10(1 / 0.25), 6)
    const few = compareSamples([
      { reference: floats([1], 1), actual: floats([1], 1.5) },
      { reference: floats([1], 1), actual: floats([1], 1) },
    ])
    expect(few.worst).toBe(few.psnr)
  })

  it('has no figure where one sample has none', () => {
    const good = { reference: floats([1], 1), actual: floats([1], 1) }
    const bad = { reference: floats([1], 1), actual: floats([1], Number.NaN) }
    expect(compareSamples([good, bad])).toMatchObject({
      psnr: Number.NEGATIVE_INFINITY,
      problem: 'not finite: NaN where the reference has 1',
    })
  })

  it('wants zeros equal in all samples together: one that is not zero gives the peak', () => {
    const zero = { reference: floats([1], 0), actual: floats([1], 0.5) }
    expect(compareSamples([zero]).problem).toBe('the reference is all zeros')
    expect(compareSamples([zero, { reference: floats([1], 2), actual: floats([1], 2) }]).psnr).toBeCloseTo(10 * Math.log10(4 / 0.125), 10)
  })

  it('wants masked scores masked, and leaves them out of the figure', () => {
    const lowest = -3.4028234663852886e38
    expect(compare(floats([3], lowest, Number.NEGATIVE_INFINITY, 2), floats([3], -1e4, -65504, 2)).psnr).toBe(Number.POSITIVE_INFINITY)
    expect(compare(floats([2], lowest, 2), floats([2], -1e4, 1)).psnr).toBeCloseTo(10 * Math.log10(4), 10)
    expect(compare(floats([2], lowest, 2), floats([2], -8e3, 2)).problem).toBe('a masked score came out as -8000')
    expect(compare(floats([2], lowest, 2), floats([2], Number.NaN, 2)).problem).toBe('a masked score came out as NaN')
    // A score that the original does not mask is compared, however low.
    expect(compare(floats([2], -1e5, 2), floats([2], -1e4, 2)).psnr).toBeLessThan(10)
  })
})
