import type { Picture } from './picture.ts'

/** Whether a picture of this orientation is turned, which takes as much memory once more. Other values than 1 to 8 mean nothing. */
export const turns = (orientation: number): boolean => orientation >= 2 && orientation <= 8

/**
 * Turns a picture upright whose camera noted this orientation (EXIF tag 0x0112, 1 to 8). From 5 on the sides change places; what
 * else happens is that rows or columns run backwards. Other values mean nothing and change nothing.
 */
export function upright(picture: Picture, orientation: number): Picture {
  if (!turns(orientation)) return picture
  const { width, height, data } = picture
  const swap = orientation >= 5
  const [W, H] = swap ? [height, width] : [width, height]
  const backwardsX = [2, 3, 7, 8].includes(orientation)
  const backwardsY = [3, 4, 6, 7].includes(orientation)
  const out = new Uint8Array(data.length)
  // Of the source: where the first pixel stands, and how far the next one is along a row and down a column of the result.
  const stepX = backwardsX ? -3 : 3
  const stepY = backwardsY ? -3 * width : 3 * width
  const start = (backwardsX ? 3 * (width - 1) : 0) + (backwardsY ? 3 * width * (height - 1) : 0)
  const [along, down] = swap ? [stepY, stepX] : [stepX, stepY]
  let to = 0
  for (let y = 0; y < H; y++) {
    let from = start + y * down
    for (let x = 0; x < W; x++, from += along, to += 3) {
      out[to] = data[from] as number
      out[to + 1] = data[from + 1] as number
      out[to + 2] = data[from + 2] as number
    }
  }
  return { ...picture, width: W, height: H, data: out }
}
