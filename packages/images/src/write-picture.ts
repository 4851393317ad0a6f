import { writeFile } from 'node:fs/promises'
import sharp from 'sharp'
import { errors } from './errors.ts'
import type { Picture } from './picture.ts'

/** Writes a mask [height, width] as a PNG of one channel: 255 where it is not 0. */
export async function writeMask(path: string, mask: Uint8Array, width: number, height: number): Promise<void> {
  fits(mask, width * height, 'A mask')
  await writePng(
    path,
    mask.map(bit => (bit ? 255 : 0)),
    width,
    height,
    1,
  )
}

/** What is drawn over a picture, in its pixels. */
export interface Overlay {
  /** [height, width], not 0 where it holds. */
  readonly mask?: Uint8Array
  /** Places that were asked for, or, with `inside` false, ruled out. */
  readonly points?: readonly { readonly x: number; readonly y: number; readonly inside: boolean }[]
  readonly box?: readonly [left: number, top: number, right: number, bottom: number]
}

type Color = readonly [red: number, green: number, blue: number]

const SHADE: Color = [30, 144, 255]
const EDGE: Color = [255, 255, 255]
const INSIDE: Color = [0, 200, 80]
const OUTSIDE: Color = [230, 40, 40]

/** Writes a picture as a PNG with a mask over it, half transparent and outlined, and with the points and the box of the prompt. */
export async function writeOverlay(path: string, picture: Picture, { mask, points = [], box }: Overlay): Promise<void> {
  const { width, height } = picture
  const data = picture.data.slice()
  // Lines are as thick as the picture is large, so that they are seen when it is shown small.
  const stroke = Math.max(1, Math.round(Math.min(width, height) / 300))
  const put = (x: number, y: number, color: Color): void => {
    if (x >= 0 && y >= 0 && x < width && y < height) data.set(color, (y * width + x) * 3)
  }
  const stamp = (x: number, y: number, color: Color): void => {
    const from = -Math.floor((stroke - 1) / 2)
    for (let dy = from; dy < from + stroke; dy++) for (let dx = from; dx < from + stroke; dx++) put(x + dx, y + dy, color)
  }
  if (mask) {
    fits(mask, width * height, 'A mask')
    for (let i = 0; i < mask.length; i++) {
      if (!mask[i]) continue
      for (let channel = 0; channel < 3; channel++)
        data[3 * i + channel] = ((data[3 * i + channel] as number) + (SHADE[channel] as number)) >> 1
    }
    const at = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) if (at(x, y) && !(at(x - 1, y) && at(x + 1, y) && at(x, y - 1) && at(x, y + 1))) stamp(x, y, EDGE)
  }
  if (box) {
    const [left, top, right, bottom] = box.map(Math.round) as [number, number, number, number]
    for (let x = Math.max(left, 0); x <= Math.min(right, width - 1); x++) for (const y of [top, bottom]) stamp(x, y, INSIDE)
    for (let y = Math.max(top, 0); y <= Math.min(bottom, height - 1); y++) for (const x of [left, right]) stamp(x, y, INSIDE)
  }
  const radius = 4 * stroke
  for (const { x, y, inside } of points) {
    const [cx, cy] = [Math.round(x), Math.round(y)]
    for (let dy = -radius; dy <= radius; dy++)
      for (let dx = -radius; dx <= radius; dx++) {
        const distance = Math.hypot(dx, dy)
        if (distance <= radius) put(cx + dx, cy + dy, distance > radius - stroke ? EDGE : inside ? INSIDE : OUTSIDE)
      }
  }
  await writePng(path, data, width, height, 3)
}

function fits(data: Uint8Array, length: number, what: string): void {
  if (data.length !== length)
    throw errors.E_IMAGE_ARGUMENT({ what, problem: `${data.length} values are not ${length}, one for each pixel` })
}

async function writePng(path: string, data: Uint8Array, width: number, height: number, channels: 1 | 3): Promise<void> {
  const png = await sharp(data, { raw: { width, height, channels }, limitInputPixels: false })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer()
  await writeFile(path, png).catch((cause: Error) => {
    throw errors.E_IMAGE_WRITE({ path, problem: cause.message }, { cause })
  })
}
