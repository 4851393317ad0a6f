import { type Checkpoint, type ImageProcessor, image, imageSteps, type Port, standardImageSettings } from '@silane/core'

/**
 * transformers' `BlipImageProcessor`, for pictures of this many pixels of a side: they are squashed, whatever their ratio. In transformers
 * 5, and with `Fast` in 4, it also crops and pads where a file says so. Published files say `do_pad`, with nothing to pad to.
 */
const processor = (side: number): ImageProcessor => ({
  type: 'BlipImageProcessor',
  settings: {
    do_resize: true,
    size: { height: side, width: side },
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  },
  size: 'area',
  unsettled: ['do_center_crop', 'do_pad'],
})

/**
 * The port of `pixel_values` [1, 3, R, R] for R pixels of a side; a file that says no size means what the model reads. With `taken` Core
 * ML takes the picture itself. Throws E_CONFIG.
 */
export function picture(checkpoint: Checkpoint, side: number, taken: boolean): Port {
  const settings = standardImageSettings(checkpoint, processor(side))
  return image(imageSteps(checkpoint, settings, [side, side]), { picture: taken })
}
