import type { Checkpoint, ImageProcessorFile, Json } from '@silane/core'

/** What transformers writes beside a model; transformers 5 has it inside the processor's file, under `image_processor`. */
const [OWN, WHOLE] = ['preprocessor_config.json', 'processor_config.json']

/** The settings of the image processor; undefined where no file has any. */
export function imageProcessor({ json }: Pick<Checkpoint, 'json'>): ImageProcessorFile | undefined {
  const own = json(OWN)
  if (isObject(own)) return { file: OWN, settings: own }
  const whole = json(WHOLE)
  const section = isObject(whole) ? whole.image_processor : undefined
  return isObject(section) ? { file: WHOLE, settings: section } : undefined
}

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
