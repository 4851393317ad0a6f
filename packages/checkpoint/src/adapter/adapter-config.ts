import { isJsonObject, type Json } from '@silane/core'
import { errors } from '../errors.ts'

export const ADAPTER_CONFIG = 'adapter_config.json'

/** What adapter_config.json says of how a LoRA adapter changes its base. */
export interface AdapterConfig {
  /** Whether weights of linear layers are stored [in, out] (`fan_in_fan_out`), as it was when the adapter was made. */
  readonly turned: boolean
  readonly magnitudes: boolean
  /** The rank of a module's matrices, and what their product is multiplied with. */
  readonly rank: (module: string) => number
  readonly scale: (module: string) => number
  /** Whether peft changes the base while it makes the adapter, by a method of this name. */
  readonly changesBase: string | undefined
}

/** Keys without a say in what a trained adapter computes. */
const SILENT = new Set([
  'auto_mapping',
  'base_model_name_or_path',
  'bias',
  'corda_config',
  'ephemeral_gpu_offload',
  'eva_config',
  'exclude_modules',
  'inference_mode',
  'init_lora_weights',
  'layers_pattern',
  'layers_to_transform',
  'loftq_config',
  'lora_bias',
  'lora_dropout',
  'lora_ga_config',
  'megatron_core',
  'modules_to_save',
  'peft_type',
  'peft_version',
  'qalora_group_size',
  'revision',
  'runtime_config',
  'target_modules',
  'task_type',
  ...['r', 'lora_alpha', 'use_rslora', 'use_dora', 'rank_pattern', 'alpha_pattern', 'fan_in_fan_out'],
])

/** What leaves the base as it is. Others replace its weights by what is left when the first matrices are taken off. */
const KEEPING: readonly Json[] = [null, true, false, 'gaussian', 'orthogonal', 'eva']

const isSet = (value: Json): boolean =>
  value !== null &&
  value !== false &&
  !(Array.isArray(value) && value.length === 0) &&
  !(isJsonObject(value) && Object.keys(value).length === 0)

/** Reads adapter_config.json. Throws E_ADAPTER for every method but LoRA, and for what it sets and is not followed here. */
export function readAdapterConfig(config: Json, where: string): AdapterConfig {
  const refuse = (problem: string): Error => errors.E_ADAPTER({ problem: `${ADAPTER_CONFIG}: ${problem}`, where })
  if (!isJsonObject(config)) throw refuse('does not hold an object')
  const { peft_type: type, r, lora_alpha: alpha = 8, use_rslora: root = false } = config
  if (type === undefined && isJsonObject(config.config))
    throw refuse('the adapter is one of the package adapters, whose layers are not read')
  if (type !== 'LORA') throw refuse(`peft_type is ${JSON.stringify(type ?? null)}; only adapters of the type "LORA" are merged`)
  const unknown = Object.entries(config).find(([key, value]) => !SILENT.has(key) && isSet(value))
  if (unknown) throw refuse(`${unknown[0]} is ${JSON.stringify(unknown[1])?.slice(0, 80)}, which is not supported`)
  if (typeof r !== 'number' || !Number.isSafeInteger(r) || r < 1) throw refuse('r is no rank')
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw refuse('lora_alpha is no number')
  const ranks = patterns(config.rank_pattern, value => Number.isSafeInteger(value) && value > 0)
  const alphas = patterns(config.alpha_pattern, Number.isFinite)
  if (!ranks) throw refuse('rank_pattern is not a rank for each module')
  if (!alphas) throw refuse('alpha_pattern is not a number for each module')
  const rank = (module: string): number => chosen(ranks, module) ?? r
  const init = config.init_lora_weights ?? null
  return {
    turned: config.fan_in_fan_out === true,
    magnitudes: config.use_dora === true,
    rank,
    scale: module => (chosen(alphas, module) ?? alpha) / (root === true ? Math.sqrt(rank(module)) : rank(module)),
    changesBase: KEEPING.includes(init) ? undefined : typeof init === 'string' ? init : JSON.stringify(init),
  }
}

/** The model that an adapter was made for, as its configuration calls it. */
export function baseModel(config: Json | undefined): string | undefined {
  const named = isJsonObject(config) ? (config.base_model_name_or_path ?? config.model_name) : undefined
  return typeof named === 'string' && named !== '' ? named : undefined
}

type Patterns = readonly (readonly [RegExp, number])[]

/** The first pattern that is the end of a module's name, from a part on. */
const chosen = (found: Patterns, module: string): number | undefined => found.find(([pattern]) => pattern.test(module))?.[1]

/** Longer ones are no names of modules, and one that repeats a group could be matched without end. */
const isHarmless = (pattern: string): boolean =>
  pattern.length <= 512 && !/\)[*+?{]/.test(pattern) && (pattern.match(/[*+{]/g) ?? []).length <= 4

function patterns(given: Json | undefined, isValue: (value: number) => boolean): Patterns | undefined {
  if (given === undefined || given === null) return []
  if (!isJsonObject(given)) return undefined
  const found: [RegExp, number][] = []
  for (const [pattern, value] of Object.entries(given)) {
    if (typeof value !== 'number' || !isValue(value) || !isHarmless(pattern)) return undefined
    try {
      found.push([new RegExp(`^(?:.*\\.)?(?:${pattern})$`), value])
    } catch {
      return undefined
    }
  }
  return found
}
