import { preparePixels, readPicture } from '@silane/images'
import { imageProcessorConformance } from '@silane/testkit'
import blip2 from '../src/index.ts'

const options = { seq: undefined, context: 64, prefill: 16, kv: 'io', 'image-input': false } as const

imageProcessorConformance(
  { root: new URL('..', import.meta.url) },
  {
    port: async checkpoint => {
      const architecture = 'Blip2ForConditionalGeneration'
      const { programs } = await blip2.load({ checkpoint, architecture, task: 'image-to-text', options })
      return programs[0]?.functions[0]?.inputs[0]?.port
    },
    pixels: async (file, steps) => preparePixels(await readPicture(file), steps).data,
  },
)
