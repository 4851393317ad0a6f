import { type Checkpoint, image, imageSteps, type Port, standardImageSettings } from '@silane/core'

/** What transformers' `BlipImageProcessor` does where its file says nothing; a picture is squashed, whatever its ratio. */
const processor = {
  do_resize: true,
  resample: 3,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
}

/**
 * The port of `pixel_values` [1, 3, R, R] for R pixels of a side; a file that says no size means what the model reads. With `taken` Core
 * ML takes the picture itself. Throws E_CONFIG.
 */
export function picture(checkpoint: Checkpoint, side: number, taken: boolean): Port {
  const settings = standardImageSettings(checkpoint, { ...processor, size: { height: side, width: side } })
  return image(imageSteps(checkpoint, settings, [side, side]), { picture: taken })
}
