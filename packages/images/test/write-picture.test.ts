import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import { imagesErrors as errors, type Picture, readPicture, writeMask, writeOverlay } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'silane-images-'))
afterAll(() => rmSync(folder, { recursive: true }))

const black = (width: number, height: number): Picture => ({ width, height, data: new Uint8Array(width * height * 3), notes: [] })
const pixel = ({ data, width }: Picture, x: number, y: number): number[] => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)]

test('a mask has one channel of 0 and 255', async () => {
  const path = join(folder, 'mask.png')
  await writeMask(path, Uint8Array.of(0, 1, 1, 0, 7, 0), 3, 2)
  expect(await sharp(path).metadata()).toMatchObject({ format: 'png', width: 3, height: 2, channels: 1, depth: 'uchar', space: 'b-w' })
  const { data } = await readPicture(path)
  expect([...data].filter((_, i) => i % 3 === 0)).toEqual([0, 255, 255, 0, 255, 0])
})

test('an overlay shades the mask, draws its edge, and leaves the rest alone', async () => {
  const path = join(folder, 'overlay.png')
  const mask = new Uint8Array(100)
  for (let y = 2; y < 7; y++) for (let x = 3; x < 8; x++) mask[y * 10 + x] = 1
  const picture = black(10, 10)
  await writeOverlay(path, picture, { mask })
  const drawn = await readPicture(path)
  expect(pixel(drawn, 5, 4)).toEqual([15, 72, 127])
  for (const [x, y] of [
    [3, 2],
    [7, 4],
    [5, 6],
  ] as const)
    expect(pixel(drawn, x, y)).toEqual([255, 255, 255])
  for (const [x, y] of [
    [2, 4],
    [8, 4],
    [5, 7],
    [0, 0],
  ] as const)
    expect(pixel(drawn, x, y)).toEqual([0, 0, 0])
  expect(picture).toEqual(black(10, 10))
})

test('an overlay shows points and the box, also where they leave the picture', async () => {
  const path = join(folder, 'prompt.png')
  await writeOverlay(path, black(40, 30), {
    points: [
      { x: 10.4, y: 9.6, inside: true },
      { x: 39, y: 0, inside: false },
      { x: -500, y: 900, inside: true },
    ],
    box: [2, 3, 60, 27.2],
  })
  const drawn = await readPicture(path)
  expect(pixel(drawn, 10, 10)).toEqual([0, 200, 80])
  expect(pixel(drawn, 39, 0)).toEqual([230, 40, 40])
  expect(pixel(drawn, 2, 15)).toEqual([0, 200, 80])
  expect(pixel(drawn, 30, 27)).toEqual([0, 200, 80])
  expect(pixel(drawn, 20, 15)).toEqual([0, 0, 0])
})

test('what does not fit, or cannot be written', async () => {
  await expect(writeMask(join(folder, 'no.png'), new Uint8Array(5), 3, 2)).rejects.toThrow(
    errors.E_IMAGE_ARGUMENT({ what: 'A mask', problem: '5 values are not 6, one for each pixel' }),
  )
  await expect(writeOverlay(join(folder, 'no.png'), black(2, 2), { mask: new Uint8Array(3) })).rejects.toMatchObject({
    code: 'E_IMAGE_ARGUMENT',
  })
  await expect(writeMask(join(folder, 'not/there.png'), new Uint8Array(6), 3, 2)).rejects.toMatchObject({
    code: 'E_IMAGE_WRITE',
    what: expect.stringContaining('there.png'),
  })
  expect(readdirSync(folder)).not.toContain('no.png')
})
