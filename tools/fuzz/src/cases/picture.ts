import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { preparePixels, readPicture } from '@silane/images'
import { mutatePicture } from '../mutate/picture.ts'
import { type MakeCase, putFile } from '../place.ts'

export const pictureCase: MakeCase = ({ random, bench, input }) => {
  const from = random.pick(bench.pictures)
  const file = join(input, `x${extname(from)}`)
  putFile(file, mutatePicture(readFileSync(from), random))
  const what = from.slice(from.lastIndexOf('/') + 1)
  if (random.once(15)) return { what, run: { args: ['classify', bench.converted('pixels'), file] } }
  return { what, run: { call: async () => preparePixels(await readPicture(file), [{ resize: [16, 16], resampling: 'bicubic' }]) } }
}
