import { expect, test } from 'vitest'
import { imagesErrors as errors, masksOfPicture, type Planes, resizeBilinear } from '../src/index.ts'
import { bytesOf, cases, floatsOf, type Golden, sha256 } from './goldens.ts'

const planesOf = (golden: Golden): Planes => ({ shape: golden.shape as [number, number, number], data: floatsOf(golden) })

test.each(cases.planes)('planes $input.shape to $size are those of torch', ({ input, size, result }) => {
  const { shape, data } = resizeBilinear(planesOf(input), size)
  expect(shape).toEqual(result.shape)
  const want = floatsOf(result)
  const largest = want.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const off = data.reduce((most, x, i) => Math.max(most, Math.abs(x - want[i]!)), 0)
  expect(off / largest).toBeLessThanOrEqual(1e-6)
  // Below this size torch adds in another order.
  if (size[0] + size[1] > 128) expect(sha256(data)).toBe(result.sha256)
})

test.each(cases.masks)('masks $input.shape of a picture $original', ({ input, padded, resized, original, floats, result }) => {
  const logits = planesOf(input)
  expect(sha256(masksOfPicture(logits, padded, { original, resized }))).toBe(result.sha256)
  const { data } = resizeBilinear(resizeBilinear(logits, padded, resized), original)
  if (floats.tensor) {
    const want = floatsOf(floats)
    expect(data.reduce((most, x, i) => Math.max(most, Math.abs(x - want[i]!)), 0)).toBeLessThanOrEqual(1e-5)
    expect(bytesOf(result)).toEqual(masksOfPicture(logits, padded, { original, resized }))
  } else if (padded[0] + padded[1] > 128) expect(sha256(data)).toBe(floats.sha256)
})

test('another threshold', () => {
  const logits: Planes = { shape: [1, 1, 2], data: Float32Array.of(0.5, 2) }
  expect([...masksOfPicture(logits, [1, 2], { original: [1, 2], resized: [1, 2] }, 1)]).toEqual([0, 1])
})

test('numbers that do not fill their shape', () => {
  expect(() => resizeBilinear({ shape: [1, 2, 2], data: new Float32Array(3) }, [4, 4])).toThrow(
    errors.E_IMAGE_ARGUMENT({ what: 'Planes to resize', problem: '[1, 2, 2] does not hold 3 numbers' }),
  )
})
