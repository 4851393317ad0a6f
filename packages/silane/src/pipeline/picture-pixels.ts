import { arrayConstant, type Constant, type ImagePort, readAll } from '@silane/core'

/** The pixels, 0 to 255, that are these ones once they are scaled and shifted. [B, C, H, W] */
export function picturePixels(pixels: Constant, { scale, bias }: ImagePort): Constant {
  const [, channels = 1, height = 1, width = 1] = pixels.shape
  const values = readAll(pixels)
  const data = Float32Array.from({ length: values.length }, (_, at) => {
    const channel = Math.floor(at / (height * width)) % channels
    return (Number(values[at]) - (bias[channel] ?? 0)) / (scale[channel] ?? 1)
  })
  return arrayConstant('fp32', pixels.shape, data)
}
