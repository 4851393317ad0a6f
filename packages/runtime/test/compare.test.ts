import { type Constant, type DType, denseConstant, type NumericArray } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { compare } from '../src/index.ts'

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
