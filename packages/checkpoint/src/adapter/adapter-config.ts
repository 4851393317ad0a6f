import { isJsonObject, type Json } from '@silane/core'
import { errors } from '../errors.ts'
import { type ModulePattern, modulePattern } from './module-pattern.ts'

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

/** Characters of all patterns together: where each module has its own, as EVA writes them, ten thousand modules. */
const MAX_CHARACTERS = 1_000_000

/**
 * Steps of finding the patterns of all modules, of 5 ns or so. Thousands of names for thousands of modules take some million, and a list
 * of layers for each of a thousand modules takes ten million.
 */
const MAX_STEPS = 1e9

const isSet = (value: Json): boolean =>
  value !== null &&
  value !== false &&
  !(Array.isArray(value) && value.length === 0) &&
  !(isJsonObject(value) && Object.keys(value).length === 0)

/** Reads adapter_config.json. Throws E_ADAPTER for every method but LoRA, and for what it sets and is not followed here. */
export function readAdapterConfig(config: Json, where: string, maxSteps = MAX_STEPS): AdapterConfig {
  const refuse = (problem: string): Error => errors.E_ADAPTER({ problem: `${ADAPTER_CONFIG}: ${problem}`, where })
  if (!isJsonObject(config)) throw refuse('does not hold an object')
  const { peft_type: type, r, lora_alpha: alpha = 8, use_rslora: root = false } = config
  if (type === undefined && isJsonObject(config.config))
    throw refuse('the adapter is one of the package adapters, whose layers are not read')
  if (type !== 'LORA') throw refuse(`peft_type is ${JSON.stringify(type ?? null)}; only adapters of the type "LORA" are merged`)
  const unknown = Object.entries(config).find(([key, value]) => !SILENT.has(key) && isSet(value))
  if (unknown) throw refuse(`${unknown[0]} is ${JSON.stringify(unknown[1])?.slice(0, 80)}, which is not supported`)
  if (typeof r !== 'number' || !Number.isSafeInteger(r) || r < 1) throw refuse('r is no rank')
  // Python would take a 1 or a word for true.
  const odd = ['fan_in_fan_out', 'use_dora', 'use_rslora'].find(key => typeof (config[key] ?? false) !== 'boolean')
  if (odd !== undefined) throw refuse(`${odd} is neither true nor false`)
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw refuse('lora_alpha is no number')
  const isRank = (value: number): boolean => Number.isSafeInteger(value) && value > 0
  const ranks = patterns('rank_pattern', config.rank_pattern, { kind: 'a rank', has: isRank }, refuse)
  const alphas = patterns('alpha_pattern', config.alpha_pattern, { kind: 'a number', has: Number.isFinite }, refuse)
  let steps = 0
  const spend = (more: number): void => {
    steps += more
    if (steps > maxSteps) throw refuse('rank_pattern and alpha_pattern take too long to be looked up for each module')
  }
  /** The value of the first pattern that matches. */
  const chosen = (found: Patterns, module: string): number | undefined => {
    const name = [...module]
    return found.find(([matches]) => matches(name, spend))?.[1]
  }
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

type Patterns = readonly (readonly [ModulePattern, number])[]

/** The patterns of rank_pattern or alpha_pattern. Throws what `refuse` makes for values of another kind, and for a pattern that is not known. */
function patterns(
  key: string,
  given: Json | undefined,
  values: { readonly kind: string; readonly has: (value: number) => boolean },
  refuse: (problem: string) => Error,
): Patterns {
  if (given === undefined || given === null) return []
  const wrong = () => refuse(`${key} is not ${values.kind} for each module`)
  if (!isJsonObject(given)) throw wrong()
  let characters = 0
  return Object.entries(given).map(([pattern, value]) => {
    if (typeof value !== 'number' || !values.has(value)) throw wrong()
    characters += pattern.length
    if (characters > MAX_CHARACTERS) throw refuse(`${key} has patterns of more than ${MAX_CHARACTERS} characters`)
    const matches = modulePattern(pattern)
    if (!matches) {
      throw refuse(
        `${key} has the pattern ${JSON.stringify(pattern.slice(0, 100))}, which is not read: known are names with . \\d \\w [ ] ( | ) * + ? ^ $, of 512 characters at most`,
      )
    }
    return [matches, value] as const
  })
}
