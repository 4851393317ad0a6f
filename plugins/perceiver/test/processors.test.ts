import { preparePixels, readPicture } from '@silane/images'
import { imageProcessorConformance } from '@silane/testkit'
import { readPixels } from '../src/pixels.ts'

imageProcessorConformance(
  { root: new URL('..', import.meta.url) },
  {
    port: checkpoint => readPixels(checkpoint, undefined, undefined, false).port,
    pixels: async (file, steps) => preparePixels(await readPicture(file), steps).data,
  },
)
