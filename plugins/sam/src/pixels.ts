import { type Checkpoint, type ImageProcessor, image, imageSteps, type Port, standardImageSettings } from '@silane/core'

/**
 * transformers' `SamImageProcessor`, for pictures of this many pixels of a side: their longer edge becomes as long, zeros fill the rest.
 * In transformers 5, and with `Fast` in 4, it also crops where a file says so.
 */
const processor = (side: number): ImageProcessor => ({
  type: 'SamImageProcessor',
  settings: {
    do_resize: true,
    size: { longest_edge: side },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
    do_pad: true,
    pad_size: { height: side, width: side },
  },
  size: 'longest_edge',
  unsettled: ['do_center_crop'],
})

/** The port of `pixel_values` [1, 3, R, R] for R pixels of a side. With `taken` Core ML takes the picture itself. Throws E_CONFIG. */
export function pixels(checkpoint: Checkpoint, side: number, taken: boolean): Port {
  const settings = standardImageSettings(checkpoint, processor(side))
  return image(imageSteps(checkpoint, settings, [side, side]), { picture: taken })
}
