import { preparePixels, readPicture } from '@silane/images'
import { imageProcessorConformance } from '@silane/testkit'
import { picture } from '../src/picture.ts'

imageProcessorConformance(
  { root: new URL('..', import.meta.url) },
  {
    port: checkpoint => picture(checkpoint, 32, false),
    pixels: async (file, steps) => preparePixels(await readPicture(file), steps).data,
  },
)
