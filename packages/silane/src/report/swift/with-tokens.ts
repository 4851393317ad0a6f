import { type Checkpoint, isJsonObject, isSilaneError, type Json, type JsonObject } from '@silane/core'
import { ofConfig } from '../../generate/generation-config.ts'
import type { Manifest } from '../../manifest.ts'

/** What a text begins and ends with. */
const KEYS = ['decoder_start_token_id', 'eos_token_id'] as const

/**
 * A manifest whose pipeline says what texts begin and end with, as `generate` takes it from the files of the folder: silane.json,
 * generation_config.json, and where there is none config.json. Generated Swift holds these numbers.
 */
export function withTokens(manifest: Manifest, checkpoint: Pick<Checkpoint, 'config' | 'json'>): Manifest {
  const { pipeline } = manifest
  if (!pipeline.steps.some(step => 'decode' in step)) return manifest
  const { config } = checkpoint
  const file = fileOf(checkpoint)
  const sources = [pipeline.generation, ...(file ? [file] : ofConfig(config))].filter(isJsonObject)
  const found = KEYS.flatMap((key): [string, Json][] => {
    const value = sources.map(source => source[key]).find(each => each !== undefined && each !== null)
    return isTokens(value) ? [[key, value]] : []
  })
  return { ...manifest, pipeline: { ...pipeline, generation: { ...pipeline.generation, ...Object.fromEntries(found) } } }
}

const isToken = (value: Json | undefined): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31

const isTokens = (value: Json | undefined): value is Json =>
  Array.isArray(value) ? value.length > 0 && value.every(isToken) : isToken(value)

/** A broken file is said where it is followed, by `generate`. */
function fileOf({ json }: Pick<Checkpoint, 'json'>): JsonObject | undefined {
  try {
    const found = json('generation_config.json')
    return isJsonObject(found) ? found : undefined
  } catch (error) {
    if (!isSilaneError(error)) throw error
    return undefined
  }
}
