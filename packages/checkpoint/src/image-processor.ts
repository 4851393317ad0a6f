import { type Checkpoint, type ImageProcessorFile, isJsonObject } from '@silane/core'

/** What transformers writes beside a model; transformers 5 has it inside the processor's file, under `image_processor`. */
const [OWN, WHOLE] = ['preprocessor_config.json', 'processor_config.json']

/**
 * The settings of the image processor; undefined where no file has any. With both files the section in the processor's counts, as in
 * transformers 5: earlier versions do not write one unless told to, so a file of its own beside it is left over from before.
 */
export function imageProcessor({ json }: Pick<Checkpoint, 'json'>): ImageProcessorFile | undefined {
  const whole = json(WHOLE)
  const section = isJsonObject(whole) ? whole.image_processor : undefined
  if (isJsonObject(section)) return { file: WHOLE, settings: section }
  const own = json(OWN)
  return isJsonObject(own) ? { file: OWN, settings: own } : undefined
}
