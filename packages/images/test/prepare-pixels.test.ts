import type { ImageStep } from '@silane/core'
import { expect, test } from 'vitest'
import { imagesErrors as errors, type Picture, preparePixels, readPicture } from '../src/index.ts'
import { cases, fixture, floatsOf, sha256 } from './goldens.ts'

test.each(cases.prepared)('$file by $steps', async ({ file, steps, original, resized, result }) => {
  const pixels = preparePixels(await readPicture(fixture(file)), steps)
  expect(pixels.shape).toEqual([1, ...result.shape])
  expect(pixels.original).toEqual(original)
  expect(pixels.resized).toEqual(resized)
  if (result.tensor) expect(pixels.data).toEqual(floatsOf(result))
  expect(sha256(pixels.data)).toBe(result.sha256)
})

const picture = (height: number, width: number): Picture => ({ height, width, data: new Uint8Array(height * width * 3).fill(7), notes: [] })

test('without steps, pixels are the bytes, channels first', () => {
  const { data } = preparePixels({ height: 1, width: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6), notes: [] }, [])
  expect([...data]).toEqual([1, 4, 2, 5, 3, 6])
})

test('zeros that are put beside bytes are normalised with them', () => {
  const normalize = { mean: [7, 7, 7], std: [2, 2, 2] }
  expect([...preparePixels(picture(1, 1), [{ pad: [1, 2] }, { normalize }]).data]).toEqual([0, -3.5, 0, -3.5, 0, -3.5])
  expect([...preparePixels(picture(1, 1), [{ normalize }, { pad: [2, 1] }]).data]).toEqual([0, 0, 0, 0, 0, 0])
})

test.each<[ImageStep, Picture, string, string]>([
  [{ resizeLongest: 64, resampling: 'bilinear' }, picture(1, 1000), 'resizeLongest', 'it would become 64 × 0'],
  [{ cropSquare: 0.875 }, picture(1, 1), 'cropSquare', 'nothing would be left'],
  [{ pad: [4, 4] }, picture(5, 3), 'pad', 'it is larger than 4 × 4'],
  [{ rescale: 1e308 }, picture(2, 2), 'rescale', 'it makes numbers that are not finite'],
  [{ normalize: { mean: [0, 0, 0], std: [1, 1e-45, 1] } }, picture(2, 2), 'normalize', 'it makes numbers that are not finite'],
])('%o cannot be done to every picture', (step, { height, width, data }, name, problem) => {
  expect(() => preparePixels({ height, width, data, notes: [] }, [step])).toThrow(
    errors.E_IMAGE_STEP({ step: name, width, height, problem }),
  )
})

test.each<ImageStep>([{ crop: [2 ** 14, 2 ** 14] }, { cropSquare: 2 ** 14 }, { pad: [2 ** 14, 2 ** 14] }])(
  'what is put beside a picture is bounded as pictures are: %j',
  step => {
    expect(() => preparePixels(picture(1, 1), [step])).toThrow(expect.objectContaining({ code: 'E_IMAGE_SIZE' }))
  },
)

test('steps in an order that has no meaning', () => {
  expect(() => preparePixels(picture(2, 2), [{ rescale: 1 / 255 }, { resize: [4, 4], resampling: 'box' }])).toThrow(
    errors.E_IMAGE_ARGUMENT({ what: 'resize', problem: 'only bytes are resized, before they are rescaled' }),
  )
})

test.each([
  { mean: [0, 0], std: [1, 1, 1], wrong: 'mean', list: '0, 0' },
  { mean: [0, 0, 0], std: [1, 0, 1], wrong: 'std', list: '1, 0, 1' },
  { mean: [0, Number.NaN, 0], std: [1, 1, 1], wrong: 'mean', list: '0, NaN, 0' },
])('$wrong [$list] is refused', ({ mean, std, wrong, list }) => {
  expect(() => preparePixels(picture(2, 2), [{ normalize: { mean, std } }])).toThrow(
    errors.E_IMAGE_ARGUMENT({ what: `normalize: ${wrong}`, problem: `[${list}] are not three numbers for red, green and blue` }),
  )
})
