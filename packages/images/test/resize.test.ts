import { expect, test } from 'vitest'
import { imagesErrors as errors, PIXEL_LIMIT, type Picture, readPicture, resize } from '../src/index.ts'
import { bytesOf, cases, fixture, sha256 } from './goldens.ts'

test.each(cases.resized)('$file, $resampling to $size as Pillow $pillow resizes', async ({ file, resampling, size, pillow, result }) => {
  const { width, height, data } = resize(await readPicture(fixture(file)), size[1], size[0], resampling, pillow)
  expect([height, width, 3]).toEqual(result.shape)
  if (result.tensor) expect(data).toEqual(bytesOf(result))
  expect(sha256(data)).toBe(result.sha256)
})

test('the goldens tell the two orders of passes apart', () => {
  expect(cases.resized.filter(({ pillow }) => pillow === 12).length).toBeGreaterThan(10)
})

const dot: Picture = { width: 1, height: 1, data: Uint8Array.of(1, 2, 3), notes: ['a note'] }

test('notes stay with the picture', () => {
  expect(resize(dot, 2, 1, 'bicubic')).toEqual({ width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 1, 2, 3), notes: ['a note'] })
})

test.each([
  [0, 1],
  [1, 1.5],
  [Number.NaN, 1],
])('no picture is %d × %d', (width, height) => {
  expect(() => resize(dot, width, height, 'nearest')).toThrow(
    errors.E_IMAGE_ARGUMENT({ what: `A picture of ${width} × ${height} pixels`, problem: 'sides are whole numbers from 1 on' }),
  )
})

test('what would not fit into memory is refused', () => {
  expect(() => resize(dot, 20_000, 20_000, 'bilinear')).toThrow(
    errors.E_IMAGE_SIZE({ what: 'A resized picture', width: 20_000, height: 20_000, limit: PIXEL_LIMIT }),
  )
})
