import { type Checkpoint, type ImageProcessorFile, isJsonObject } from '@silane/core'

/** What transformers writes beside a model; transformers 5 has it inside the processor's file, under `image_processor`. */
const [OWN, WHOLE] = ['preprocessor_config.json', 'processor_config.json']

/**
 * The settings of the image processor; undefined where no file has any. With both files the section in the processor's counts, as in
 * transformers 5, and the other is there as `earlier`: versions before read that.
 */
export function imageProcessor({ json }: Pick<Checkpoint, 'json'>): ImageProcessorFile | undefined {
  const whole = json(WHOLE)
  const section = isJsonObject(whole) ? whole.image_processor : undefined
  const own = json(OWN)
  const earlier = isJsonObject(own) ? { file: OWN, settings: own } : undefined
  return isJsonObject(section) ? { file: WHOLE, settings: section, ...(earlier && { earlier }) } : earlier
}
