import type { Checkpoint, Json } from '@silane/core'

type JsonObject = { readonly [key: string]: Json }

/** The settings of the image processor: preprocessor_config.json, or what transformers 5 writes, `image_processor` in processor_config.json. */
export function imageProcessor({ json }: Pick<Checkpoint, 'json'>): JsonObject | undefined {
  const own = json('preprocessor_config.json')
  if (isObject(own)) return own
  const whole = json('processor_config.json')
  const section = isObject(whole) ? whole.image_processor : undefined
  return isObject(section) ? section : undefined
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
