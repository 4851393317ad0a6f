import { resolve } from 'node:path'
import { arrayConstant, type Tensors } from '@silane/core'
import type * as Images from '@silane/images'
import { errors } from '../errors.ts'
import type { Manifest } from '../manifest.ts'
import { wantedInputs } from '../pipeline/borders.ts'
import type { ImageRequest } from './image-request.ts'
import { openImages } from './open-images.ts'

export interface ReadImage {
  readonly images: typeof Images
  /** As the file has it. */
  readonly picture: Images.Picture
  /** What the pipeline's first step reads, by the thing that it is fed with. */
  readonly things: Tensors
  readonly sizes: Images.Sizes
  /** Height and width of what the program reads, zeros on the right and below included. */
  readonly frame: readonly [height: number, width: number]
}

/** Reads a picture and makes of it the pixels that the programs of a folder take, by the steps that its silane.json says. Throws E_NO_PICTURES. */
export async function readImage(manifest: Manifest, request: ImageRequest & { readonly verb: string }): Promise<ReadImage> {
  const { folder, image, plugins, cwd, verb } = request
  const input = wantedInputs(manifest.pipeline.steps, manifest.programs).find(({ role }) => role === 'image')
  const steps = input?.image?.steps
  if (!input || !steps) throw errors.E_NO_PICTURES({ verb, problem: 'no program of it reads pixels', where: folder })
  const { thing, shape } = input
  const images = await openImages(manifest, { explicit: plugins, cwd, checkpoint: resolve(cwd ?? '.', folder) })
  const picture = await images.readPicture(image)
  const { data, original, resized, shape: made } = images.preparePixels(picture, steps)
  if (made.join() !== shape.join()) {
    const problem = `its steps make pixels of [${made.join(', ')}], and its program reads [${shape.join(', ')}]`
    throw errors.E_NO_PICTURES({ verb, problem, where: folder })
  }
  const [, , height = 1, width = 1] = shape
  return {
    images,
    picture,
    things: { [thing]: arrayConstant('fp32', shape, data) },
    sizes: { original, resized },
    frame: [height, width],
  }
}
