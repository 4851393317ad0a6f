import {
  type Checkpoint,
  errors as coreErrors,
  isJsonObject,
  type Json,
  type JsonObject,
  type SentenceModule,
  type SentenceSettings,
} from '@silane/core'
import { errors } from './errors.ts'

type Files = Pick<Checkpoint, 'json' | 'folder' | 'location'>

const MODULES = 'modules.json'
const SETTINGS = 'config_sentence_transformers.json'

/** The settings of the transformer. The first versions named the file after the model. */
const TRANSFORMER = ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta', 'xlnet'].map(
  name => `sentence_${name}_config.json`,
)

/** The purposes for which sentence-transformers has an encoder of vectors. It saves re-rankers and sparse encoders in folders like these, too. */
const ENCODERS = ['SentenceTransformer', 'MultiVectorEncoder', 'ColBERT']

/** The longest lists have 6. An entry takes some bytes, and a part of the graph is made for it. */
const MAX_MODULES = 64

/** Whose modules these are; a class from anywhere else is code of the checkpoint's own. */
const OWNERS = /^(?:sentence_transformers|pylate)\./

/**
 * The modules that modules.json lists; undefined where there is no such file, or where it is that of a re-ranker or of a sparse encoder.
 * Throws E_FILE_MISSING where a module that has settings has no folder: its defaults would be another model.
 */
export function sentenceModules(files: Files): readonly SentenceModule[] | undefined {
  const listed = files.json(MODULES)
  if (listed === undefined || !ENCODERS.includes(modelType(files))) return undefined
  const where = files.location
  if (!Array.isArray(listed)) throw broken(MODULES, 'modules.json', 'is not a list of modules', where)
  if (listed.length > MAX_MODULES)
    throw broken(MODULES, 'modules.json', `lists ${listed.length} modules, and ${MAX_MODULES} are the most`, where)
  const entries = (listed as readonly Json[]).map((entry, at) => {
    if (!isJsonObject(entry)) throw broken(MODULES, `[${at}]`, 'is no module', where)
    const { type, path } = entry
    if (typeof type !== 'string') throw broken(MODULES, `[${at}].type`, 'is not the name of a class', where)
    if (path !== undefined && typeof path !== 'string') throw broken(MODULES, `[${at}].path`, 'is not a path', where)
    return { type, path: path ?? '' }
  })
  const onTokens = hasTokenVectors(files, entries)
  return entries.map(entry => sentenceModule(files, entry, onTokens)).filter(module => module !== undefined)
}

/**
 * Whether vectors of tokens are what a folder is for: where no module pools, and where PyLate wrote it. There a Dense module that does
 * not say what it reads reads those.
 */
const hasTokenVectors = (files: Files, entries: readonly { readonly type: string }[]): boolean =>
  modelType(files) !== 'SentenceTransformer' ||
  entries.some(({ type }) => type.startsWith('pylate.')) ||
  !entries.some(({ type }) => className(type) === 'Pooling')

const className = (type: string): string => type.split('.').at(-1) ?? ''

function sentenceModule(
  files: Files,
  { type, path }: { readonly type: string; readonly path: string },
  onTokens: boolean,
): SentenceModule | undefined {
  const where = files.location
  const name = className(type)
  if (!OWNERS.test(type)) return { type: 'other', name: type, path }
  const optional = (): JsonObject => settingsOf(files, path)
  const needed = (): JsonObject => {
    if (path === '' || !files.folder(path).has('config.json')) throw errors.E_FILE_MISSING({ file: inFolder(path), where })
    return optional()
  }
  const text = (config: JsonObject, key: string, otherwise: string): string => {
    const value = config[key] ?? otherwise
    if (typeof value !== 'string') throw broken(inFolder(path), key, 'is not a string', where)
    return value
  }
  const flag = (config: JsonObject, key: string, otherwise: boolean): boolean => {
    const value = config[key] ?? otherwise
    if (typeof value !== 'boolean') throw broken(inFolder(path), key, 'is neither true nor false', where)
    return value
  }
  const width = (config: JsonObject, key: string): number => {
    const value = config[key]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) throw broken(inFolder(path), key, 'is not a width', where)
    return value
  }
  switch (name) {
    case 'Transformer':
      return { type: name, path, ...transformerOutput(files) }
    case 'Pooling': {
      const config = needed()
      const modes = poolingModes(config, key => flag(config, key, false))
      if (modes === undefined) throw broken(inFolder(path), 'pooling_mode', 'is neither a mode nor a list of modes', where)
      // The vectors of all are concatenated. One may be there twice, but not all and more.
      if (modes.length > MODES.length)
        throw broken(inFolder(path), 'pooling_mode', `has ${modes.length} modes, and ${MODES.length} are all that there are`, where)
      return { type: name, path, modes, includePrompt: flag(config, 'include_prompt', true) }
    }
    case 'Dense': {
      const config = needed()
      const input = text(config, 'module_input_name', onTokens ? 'token_embeddings' : 'sentence_embedding')
      return {
        type: name,
        path,
        width: width(config, 'out_features'),
        activation: text(config, 'activation_function', 'torch.nn.modules.activation.Tanh'),
        bias: flag(config, 'bias', true),
        residual: flag(config, 'use_residual', false),
        input,
        output: text(config, 'module_output_name', input),
        tensors: files.folder(path),
      }
    }
    case 'Normalize': {
      const config = optional()
      const input = text(config, 'module_input_name', 'sentence_embedding')
      return { type: name, path, input, output: text(config, 'module_output_name', input) }
    }
    case 'LayerNorm':
      return { type: name, path, width: width(needed(), 'dimension'), tensors: files.folder(path) }
    case 'MultiVectorMask':
      return { type: name, path }
    // It does something in training only.
    case 'Dropout':
      return undefined
    default:
      return { type: 'other', name, path }
  }
}

const inFolder = (path: string): string => (path === '' ? 'config.json' : `${path}/config.json`)

/** The settings of a module; none where it has no file of them. A module without a folder has none either: config.json is the model's. */
const settingsOf = ({ folder }: Files, path: string): JsonObject => (path === '' ? {} : folder(path).config)

/** Which output of the model the transformer takes, and what it calls it. Throws E_UNSUPPORTED for the head of another task. */
function transformerOutput(files: Files): { readonly takes: string; readonly output: string } {
  const file = TRANSFORMER.find(name => files.json(name) !== undefined)
  const config = file === undefined ? undefined : files.json(file)
  const plain = { takes: 'last_hidden_state', output: 'token_embeddings' }
  if (file === undefined || !isJsonObject(config)) return plain
  const { transformer_task: task, modality_config: modalities, module_output_name: output } = config
  if (task !== undefined && task !== null && task !== 'feature-extraction')
    throw coreErrors.E_UNSUPPORTED({
      what: `${files.location}: ${file}: the transformer_task ${typeof task === 'string' ? task : JSON.stringify(task)} gives no vectors of texts.`,
    })
  const ways = isJsonObject(modalities) ? modalities.text : undefined
  if (modalities === undefined || modalities === null) return plain
  const method = isJsonObject(ways) ? ways.method_output_name : undefined
  const takes = Array.isArray(method) ? method.join('.') : method
  if (!isJsonObject(ways) || ways.method !== 'forward' || typeof takes !== 'string' || typeof output !== 'string')
    throw coreErrors.E_UNSUPPORTED({
      what: `${files.location}: ${file}: modality_config does not say that a text goes through the model's forward, to an output by name.`,
    })
  return { takes, output }
}

/** Flags of 1_Pooling/config.json in the order in which several are concatenated, and the newer one-word names. */
const flags = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
} as const

const MODES = Object.values(flags)

function poolingModes(config: JsonObject, flag: (key: string) => boolean): readonly string[] | undefined {
  const named = config.pooling_mode
  if (typeof named === 'string') return [named]
  if (named !== undefined)
    return Array.isArray(named) && named.length > 0 && named.every(mode => typeof mode === 'string') ? named.map(String) : undefined
  const set = Object.entries(flags).filter(([key]) => flag(key))
  return set.length > 0 ? set.map(([, mode]) => mode) : ['mean']
}

/** How vectors are used, as config_sentence_transformers.json says it; undefined where there is no such file. */
export function sentenceSettings(files: Files): SentenceSettings | undefined {
  const settings = files.json(SETTINGS)
  if (!isJsonObject(settings)) return undefined
  const texts = (value: Json | undefined): [string, string][] =>
    Object.entries(isJsonObject(value) ? value : {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const prompts = Object.fromEntries(texts(settings.prompts))
  // PyLate has the marks of questions and passages in keys of their own, and puts them in front of the prompts.
  for (const [key, purpose] of [
    ['query_prefix', 'query'],
    ['document_prefix', 'document'],
  ] as const) {
    const prefix = settings[key]
    if (typeof prefix !== 'string') continue
    const prompt = prompts[purpose] ?? ''
    prompts[purpose] = prefix + (prompt.startsWith(prefix) ? prompt.slice(prefix.length) : prompt)
  }
  const { default_prompt_name: byDefault, similarity_fn_name: similarity, truncate_dim: truncate } = settings
  if (typeof byDefault === 'string' && !Object.hasOwn(prompts, byDefault) && !['query', 'document'].includes(byDefault))
    throw broken(SETTINGS, 'default_prompt_name', `"${byDefault}" is none of the prompts`, files.location)
  if (truncate !== undefined && truncate !== null && (typeof truncate !== 'number' || !Number.isInteger(truncate) || truncate < 1))
    throw broken(SETTINGS, 'truncate_dim', 'is not a number of elements', files.location)
  const listed = files.json(MODULES)
  // Entries that are none are refused where modules are read; here they only say nothing.
  const types = (Array.isArray(listed) ? (listed as readonly Json[]) : []).map(entry => ({
    type: isJsonObject(entry) && typeof entry.type === 'string' ? entry.type : '',
  }))
  return {
    prompts,
    defaultPrompt: typeof byDefault === 'string' ? byDefault : null,
    similarity:
      typeof similarity === 'string'
        ? similarity.toLowerCase()
        : listed !== undefined && hasTokenVectors(files, types)
          ? 'maxsim'
          : 'cosine',
    ...(typeof truncate === 'number' ? { truncateDim: truncate } : {}),
  }
}

/** The class that saved the folder. */
const modelType = ({ json }: Pick<Checkpoint, 'json'>): string => {
  const settings = json(SETTINGS)
  return isJsonObject(settings) && typeof settings.model_type === 'string' ? settings.model_type : 'SentenceTransformer'
}

const broken = (file: string, field: string, problem: string, where: string): Error => coreErrors.E_CONFIG({ file, field, problem, where })
