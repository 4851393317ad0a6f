import { preparePixels, readPicture } from '@silane/images'
import { imageProcessorConformance } from '@silane/testkit'
import { pixels } from '../src/pixels.ts'

imageProcessorConformance(
  { root: new URL('..', import.meta.url) },
  {
    port: checkpoint => pixels(checkpoint, 64, false),
    pixels: async (file, steps) => preparePixels(await readPicture(file), steps).data,
  },
)
