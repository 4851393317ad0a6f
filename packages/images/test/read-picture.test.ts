import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readHeader } from '../src/header.ts'
import { PIXEL_LIMIT, readPicture } from '../src/index.ts'
import { bytesOf, cases, fixture, sha256 } from './goldens.ts'

test.each(Object.entries(cases.decoded))('%s is read as Pillow reads it', async (name, golden) => {
  const { width, height, data } = await readPicture(fixture(name))
  expect([height, width, 3]).toEqual(golden.shape)
  if (golden.tensor) expect(data).toEqual(bytesOf(golden))
  expect(sha256(data)).toBe(golden.sha256)
})

/** Pseudo-random numbers from 0 on, the same on every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state * 16807) % 2147483647
    return state % below
  }
}

const file = (name: string): Buffer => readFileSync(fixture(name))

test('a path, its URL, and bytes anywhere in a buffer are the same picture', async () => {
  const bytes = file('odd.png')
  const around = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
  const picture = await readPicture(fixture('odd.png'))
  expect(await readPicture(pathToFileURL(fixture('odd.png')))).toEqual(picture)
  expect(await readPicture(new Uint8Array(bytes))).toEqual(picture)
  expect(await readPicture(around.subarray(6, 6 + bytes.length))).toEqual(picture)
})

test.each([
  ['odd.png', []],
  ['gray16.png', ['Gray of 16 bits was cut off at 255, as Pillow does: scale it to 8 bits first if it holds more.']],
  ['rgba.png', ['The alpha channel was dropped: colours are those under the transparent parts.']],
  ['rgba16.png', ['The alpha channel was dropped: colours are those under the transparent parts.']],
  ['frames.webp', ['The first of 3 frames was read.']],
])('notes of %s', async (name, notes) => {
  expect((await readPicture(fixture(name))).notes).toEqual(notes)
})

test('a file whose pixels are damaged is read as far as Pillow reads it, and says so', async () => {
  const bytes = file('restart.jpg')
  const scan = bytes.indexOf(Buffer.of(0xff, 0xda))
  bytes.fill(0xa5, scan + 40, scan + 60)
  const { width, height, notes } = await readPicture(bytes)
  expect([width, height]).toEqual([61, 43])
  expect(notes.join()).toMatch(/^The file is damaged and was read as far as it goes: Corrupt JPEG data: /)
})

describe('what is no picture', () => {
  const refused = async (input: string | Uint8Array, name?: string) =>
    readPicture(input, name).then(
      () => 'read',
      (error: { code: string; what: string }) => error,
    )

  test.each([
    ['nowhere.png', 'there is no such file'],
    ['odd.png/inside.png', 'there is no such file'],
    ['.', 'it is a folder or a device, not a file'],
    ['\0', 'must be a string'],
  ])('the path %j', async (path, problem) => {
    expect(await refused(fixture(path))).toMatchObject({ code: 'E_IMAGE_PATH', what: expect.stringContaining(problem) })
  })

  test('a device that never ends', async () => {
    expect(await refused('/dev/zero')).toMatchObject({ code: 'E_IMAGE_PATH', what: expect.stringContaining('/dev/zero') })
  })

  test('a file of more bytes than any picture', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'silane-images-'))
    const path = join(folder, 'huge.png')
    writeFileSync(path, '')
    truncateSync(path, 3 * PIXEL_LIMIT + 1)
    expect(await refused(path)).toMatchObject({ code: 'E_IMAGE_PATH', what: expect.stringContaining('more than 536870910 bytes') })
    rmSync(folder, { recursive: true })
  })

  test.each([
    ['nothing', '', 'it is empty'],
    ['text', 'hello, world', 'it begins with the bytes 68 65 6c 6c 6f 2c 20 77'],
    ['vectors', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'it begins with'],
    ['TIFF', 'II*\0\x08\0\0\0', 'it begins with'],
    ['sound', 'RIFF\x24\0\0\0WAVEfmt ', 'it begins with'],
  ])('%s', async (_, content, problem) => {
    expect(await refused(Buffer.from(content, 'latin1'), 'upload')).toMatchObject({
      code: 'E_IMAGE_FORMAT',
      what: expect.stringMatching(new RegExp(`^upload is not a picture that silane reads: ${problem}`)),
    })
  })

  const samples = [
    'odd.png',
    'interlaced.png',
    'rgb16.png',
    's420.jpg',
    'progressive.jpg',
    'cmyk.jpg',
    'lossy.webp',
    'lossless.webp',
    'rgba.webp',
    'frames.gif',
  ]

  test.each(samples)('%s, cut off', async name => {
    const bytes = file(name)
    // Of animations only the first frame is read, and that is there in the last third.
    const shares = name === 'frames.gif' ? [0.02, 0.1, 0.2] : [0.1, 0.25, 0.5, 0.75, 0.95]
    for (const length of [12, 16, 21, 29, 33, ...shares.map(share => Math.trunc(bytes.length * share))])
      expect(await refused(bytes.subarray(0, length), 'cut'), `${length} bytes`).toMatchObject({
        code: 'E_IMAGE_FILE',
        what: expect.stringMatching(/^cut is a broken (PNG|JPEG|WebP|GIF) file: ./),
      })
    expect(await refused(bytes.subarray(0, 2))).toMatchObject({ code: 'E_IMAGE_FORMAT' })
  })

  // Not of lossy WebP: any bits are pixels to its arithmetic decoder.
  test.each(samples.filter(name => !/lossy|rgba.webp/.test(name)))('the first bytes of %s and then garbage', async name => {
    const random = randomNumbers(1)
    const garbage = Uint8Array.from({ length: 5000 }, () => random(256))
    for (const keep of [12, 20, 40]) {
      const bytes = Buffer.concat([file(name).subarray(0, keep), garbage])
      expect(await refused(bytes)).toMatchObject({ code: expect.stringMatching(/^E_IMAGE_(FILE|SIZE)$/) })
    }
  })

  test('bytes turned at random give a picture or a coded error, never anything else', async () => {
    const random = randomNumbers(7)
    for (const name of samples)
      for (let round = 0; round < 12; round++) {
        const bytes = file(name)
        for (let i = 0; i < 4; i++) bytes[random(bytes.length)] = random(256)
        const result = await refused(bytes)
        if (result !== 'read') expect(result).toMatchObject({ code: expect.stringMatching(/^E_IMAGE_/) })
      }
  })

  const patched = (name: string, patch: (bytes: Buffer) => unknown): Buffer => {
    const bytes = file(name)
    patch(bytes)
    return bytes
  }
  const frame = (bytes: Buffer): number => bytes.indexOf(Buffer.of(0xff, 0xc0))

  test.each<[string, Buffer, string]>([
    ['PNG', patched('odd.png', b => b.writeUInt32BE(0x7fffffff, 16) && b.writeUInt32BE(0x7fffffff, 20)), '2147483647 × 2147483647'],
    ['JPEG', patched('s420.jpg', b => b.writeUInt32BE(0xffffffff, frame(b) + 5)), '65535 × 65535'],
    ['WebP', patched('frames.webp', b => b.fill(0xff, 24, 30)), '16777216 × 16777216'],
    ['GIF', patched('frames.gif', b => b.fill(0xff, 6, 10)), '65535 × 65535'],
  ])('a %s of gigapixels is refused by its header', async (_, bytes, size) => {
    expect(await refused(bytes, 'bomb')).toMatchObject({
      code: 'E_IMAGE_SIZE',
      what: `bomb: ${size} pixels are more than the ${PIXEL_LIMIT} that are read.`,
    })
  })

  /** A progressive JPEG in gray whose scans hold next to nothing, with more bytes behind its frame and its end. */
  const scanned = (side: number, scans: number): Buffer => {
    const segment = (marker: number, body: readonly number[]) => [0xff, marker, 0, body.length + 2, ...body]
    const size = [side >> 8, side & 255]
    const scan = segment(0xda, [1, 1, 0, 0, 0, 0])
    return Buffer.from([
      ...[0xff, 0xd8, ...segment(0xe1, scan)],
      ...segment(0xdb, [0, ...Array<number>(64).fill(1)]),
      ...segment(0xc2, [8, ...size, ...size, 1, 1, 0x11, 0]),
      ...segment(0xc4, [0, 1, ...Array<number>(15).fill(0), 0]),
      // A comment that looks like an end hides nothing.
      ...Array.from({ length: scans }, () => [...segment(0xfe, [0xff, 0xd9]), ...scan, 0, 0xff, 0, 0xff, 0xd0, 0xff]).flat(),
      ...[0xff, 0xd9, ...scan],
    ])
  }

  test.each([
    [13_000, 6],
    [9_000, 12],
    [7_000, 18],
    [10, 900],
  ])('pictures of %d pixels a side in %d scans are read', (side, scans) => {
    expect(readHeader(scanned(side, scans))).toMatchObject({ width: side, scans })
    expect(scans * side ** 2).toBeLessThan(2 ** 30)
  })

  test('a JPEG that asks for its pixels again and again', async () => {
    expect(await refused(scanned(8000, 17), 'X')).toMatchInlineSnapshot(`
      [SilaneError: X is a broken JPEG file: it goes over its 8000 × 8000 pixels 17 times, more often than any photograph of that size.
      Fetch the file again, or open it in another program and save it anew.]
    `)
    expect(await refused(scanned(10, 1100), 'X')).toMatchObject({
      code: 'E_IMAGE_FILE',
      what: expect.stringContaining('its 10 × 10 pixels 1100 times'),
    })
  })

  test('a form that takes more memory may have fewer pixels', async () => {
    const progressive = patched('cmyk-progressive.jpg', b => b.writeUInt32BE(0x1f401f40, b.indexOf(Buffer.of(0xff, 0xc2)) + 5))
    expect(await refused(progressive, 'bomb')).toMatchObject({
      code: 'E_IMAGE_SIZE',
      what: 'bomb: 8000 × 8000 pixels are more than the 51200000 that are read.',
    })
    // Turning it makes a second one.
    const turned = patched('turned-xmp.jpg', b => b.writeUInt32BE(0x2ee02ee0, frame(b) + 5))
    expect(await refused(turned, 'bomb')).toMatchObject({
      code: 'E_IMAGE_SIZE',
      what: 'bomb: 12000 × 12000 pixels are more than the 128000000 that are read.',
    })
  })

  test.each<[string, Buffer]>([
    ['PNG', patched('odd.png', b => b.writeUInt32BE(0, 16))],
    ['JPEG', patched('s420.jpg', b => b.writeUInt16BE(0, frame(b) + 5))],
    ['GIF', patched('gray.gif', b => b.writeUInt16LE(0, 6))],
  ])('a %s without a side', async (format, bytes) => {
    expect(await refused(bytes)).toMatchObject({
      code: 'E_IMAGE_FILE',
      what: expect.stringContaining(`broken ${format} file: its header tells a size of`),
    })
  })

  test('a JPEG of 12 bits, which Pillow does not read either', async () => {
    const bytes = patched('s420.jpg', b => b.writeUInt8(12, frame(b) + 4))
    expect(await refused(bytes)).toMatchObject({ code: 'E_IMAGE_FILE' })
  })
})
