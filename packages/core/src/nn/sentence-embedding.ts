import type { Builder, Output } from '../builder.ts'
import { computedConstant } from '../constant.ts'
import { errors } from '../errors.ts'
import type { Value } from '../graph/graph.ts'
import type { Checkpoint, Json, SentenceModule } from '../plugin/checkpoint.ts'
import { forTasks, type OptionSpecs } from '../plugin/options.ts'
import type { SentenceUse } from '../plugin/source-model.ts'
import { activate } from './activation.ts'
import { firstPosition, lastPosition, linear, tokenAt } from './layers.ts'
import { perToken } from './ports.ts'
import { Weights } from './weights.ts'

type Outputs = Readonly<Record<string, Output>>

/** What feature extraction takes besides the shape of its inputs. */
export const sentenceOptions = forTasks(['feature-extraction'], {
  'truncate-dim': {
    type: 'integer',
    minimum: 1,
    doc: 'elements of sentence_embedding to keep, of a model trained for that (Matryoshka). Default: truncate_dim of the folder, else all',
  },
} as const satisfies OptionSpecs)

/** Feature extraction of one checkpoint: what it gives, and what the manifest says about that. */
export interface FeatureExtraction {
  /**
   * The vectors of the tokens x [B, S, C], the pooled vector [B, C] of models that have one, and what the modules of sentence-transformers
   * make of them: `sentence_embedding` [B, C'], or `token_embeddings` [B, S, C'] where none pools. mask: int32 [B, S]
   */
  outputs(b: Builder, x: Value, mask: Value, pooled?: Value | undefined): Outputs
  readonly options: Readonly<Record<string, Json>>
  readonly notes: readonly string[]
  /** Undefined where the checkpoint has no modules, null where no file says how their vectors are used. */
  readonly sentence: SentenceUse | null | undefined
}

const TOKENS = 'token_embeddings'
const SENTENCE = 'sentence_embedding'

/** Reads the modules and settings of sentence-transformers beside a model. Throws E_OPTION, E_CONFIG and E_UNSUPPORTED. */
export function featureExtraction(
  checkpoint: Checkpoint,
  { 'truncate-dim': asked }: { readonly 'truncate-dim': number | undefined },
): FeatureExtraction {
  const modules = checkpoint.sentenceModules()
  if (!modules) {
    if (asked !== undefined) throw noSentence('the checkpoint has no modules of sentence-transformers, whose vector that would be')
    return { outputs: (_, x, __, pooled) => plain(x, pooled), options: {}, notes: [], sentence: undefined }
  }
  const where = checkpoint.location
  const settings = checkpoint.sentenceSettings()
  const pools = modules.some(writes(SENTENCE))
  if (asked !== undefined && !pools) throw noSentence('no module pools, and vectors of tokens are not truncated')
  const truncate = pools ? (asked ?? settings?.truncateDim) : undefined
  return {
    outputs: (b, x, mask, pooled) => {
      const features = sentenceFeatures(b, { tokens: x, mask, pooled }, modules, where)
      const vector = features[SENTENCE]
      if (vector) return { ...plain(x, pooled), [SENTENCE]: { value: kept(b, vector, truncate, asked !== undefined), role: 'embedding' } }
      const tokens = features[TOKENS]
      if (!tokens) throw errors.E_UNSUPPORTED({ what: `${where}: no module of modules.json gives ${SENTENCE} or ${TOKENS}.` })
      return { ...plain(x, pooled), [TOKENS]: perToken(tokens) }
    },
    options: truncate === undefined ? {} : { 'truncate-dim': truncate },
    notes: notesOn(modules, { pools, truncated: settings?.truncateDim, asked }),
    sentence: settings ? { prompts: settings.prompts, defaultPrompt: settings.defaultPrompt, similarity: settings.similarity } : null,
  }
}

const plain = (x: Value, pooled: Value | undefined): Outputs => ({
  last_hidden_state: perToken(x),
  ...(pooled ? { pooler_output: pooled } : {}),
})

const noSentence = (problem: string): Error => errors.E_OPTION({ option: 'truncate-dim', problem })

const writes =
  (feature: string) =>
  (module: SentenceModule): boolean =>
    module.type === 'Pooling' ? feature === SENTENCE : 'output' in module && module.output === feature

function notesOn(
  modules: readonly SentenceModule[],
  { pools, truncated, asked }: { readonly pools: boolean; readonly truncated: number | undefined; readonly asked: number | undefined },
): readonly string[] {
  const last = modules.findLastIndex(writes(pools ? SENTENCE : TOKENS))
  const normalised = modules[last]?.type === 'Normalize'
  return [
    ...(pools && truncated !== undefined && asked === undefined
      ? [`config_sentence_transformers.json: truncate_dim: ${SENTENCE} has its first ${truncated} elements`]
      : []),
    ...(pools && normalised && (asked ?? truncated) !== undefined
      ? [
          `${SENTENCE} is cut after it was normalised, as the original does it: a shorter one has not the length 1, which cosine does not mind`,
        ]
      : []),
    ...(!pools && truncated !== undefined ? ['config_sentence_transformers.json: truncate_dim does not concern vectors of tokens'] : []),
    ...(!pools && !normalised ? [`${TOKENS} are not normalised: no module does it, and who compares them may have to`] : []),
    ...(!pools && modules.some(({ type }) => type === 'MultiVectorMask')
      ? [`${TOKENS} has all tokens of the mask; which of them are compared, by their ids and by the kind of text, is up to the host`]
      : []),
  ]
}

/** The first elements of [B, C]. sentence-transformers cuts what all modules have made, and normalises again only where `encode` is told to. */
function kept(b: Builder, vector: Value, count: number | undefined, asked: boolean): Value {
  const [batch, width] = vector.type.shape as readonly [number, number]
  if (count === undefined || count === width) return vector
  if (count < width) return b.slice_by_index({ x: vector, begin: [0, 0], end: [batch, count] })
  if (asked) throw noSentence(`${count} is more than the ${width} elements that ${SENTENCE} has`)
  return vector
}

/** What the modules read besides what they write. */
export interface SentenceInputs {
  /** [B, S, C] */
  readonly tokens: Value
  /** int32 [B, S] */
  readonly mask: Value
  /** [B, C] */
  readonly pooled?: Value | undefined
}

/** Features by name, such as `token_embeddings` [B, S, C] and `sentence_embedding` [B, C']. */
export type SentenceFeatures = Readonly<Record<string, Value>>

/**
 * All features after the last module of sentence-transformers. Throws E_UNSUPPORTED for a module of another kind and for one that reads
 * what no module before it writes.
 */
export function sentenceFeatures(b: Builder, inputs: SentenceInputs, modules: readonly SentenceModule[], where: string): SentenceFeatures {
  const features: Record<string, Value> = {}
  for (const module of modules)
    Object.assign(
      features,
      b.in(module.path, () => apply(b, module, features, inputs, where)),
    )
  return features
}

const KNOWN = 'Transformer, Pooling, Dense, LayerNorm, Normalize, Dropout'

const unsupported = (what: string, where: string, next?: string) =>
  errors.E_UNSUPPORTED({ what: `${where}: ${what} is not supported.`, ...(next === undefined ? {} : { next }) })

function apply(
  b: Builder,
  module: SentenceModule,
  features: SentenceFeatures,
  { tokens, mask, pooled }: SentenceInputs,
  where: string,
): SentenceFeatures {
  const read = (name: string): Value => {
    const value = Object.hasOwn(features, name) ? features[name] : undefined
    if (value) return value
    throw errors.E_UNSUPPORTED({
      what: `${where}: modules.json: the module ${module.type} in "${module.path}" reads ${name}, which no module before it gives.`,
    })
  }
  switch (module.type) {
    case 'Transformer': {
      const found = { last_hidden_state: tokens, pooler_output: pooled }[module.takes]
      if (!found) throw unsupported(`the output ${module.takes} of the model, which its Transformer module takes,`, where)
      return { [module.output]: found }
    }
    case 'Pooling': {
      if (!module.includePrompt)
        throw unsupported(
          `include_prompt: false (${module.path}/config.json)`,
          where,
          'The vector leaves out the tokens of the prompt, and no input of the program says how many these are. Convert a model that pools its prompt, too.',
        )
      const x = read(TOKENS)
      const parts = module.modes.map(mode => pool(b, x, mask, mode, where))
      return { [SENTENCE]: parts.length === 1 ? (parts[0] as Value) : b.concat({ values: parts, axis: -1 }) }
    }
    case 'Dense': {
      const { width, tensors, output } = module
      const x = read(module.input)
      const w = new Weights(tensors)
      if (!module.bias && w.has('linear.bias'))
        throw errors.E_CONFIG({
          file: `${module.path}/config.json`,
          field: 'bias',
          problem: 'is false, and the weights have linear.bias',
          where,
        })
      const y = activate(b, activationOf(module, where), linear(b, x, w.at('linear'), width, { bias: module.bias }))
      if (!module.residual) return { [output]: y }
      const same = x.type.shape.at(-1) === width
      return { [output]: b.add({ x: y, y: same ? x : linear(b, x, new Weights(tensors, {}, 'residual'), width, { bias: false }) }) }
    }
    case 'LayerNorm': {
      const [x, w] = [read(SENTENCE), new Weights(module.tensors, {}, 'norm')]
      const constant = (name: string): Value => b.constant(w.tensor(name, [module.width]))
      if (x.type.shape.at(-1) !== module.width)
        throw errors.E_CONFIG({
          file: `${module.path}/config.json`,
          field: 'dimension',
          problem: `is ${module.width}, and the vector has ${x.type.shape.at(-1)} elements`,
          where,
        })
      // torch.nn.LayerNorm's own epsilon: the module has no setting for it.
      return { [SENTENCE]: b.layer_norm({ x, gamma: constant('weight'), beta: constant('bias'), axes: [-1], epsilon: 1e-5 }) }
    }
    case 'Normalize':
      // The original leaves alone what is not there.
      return Object.hasOwn(features, module.input) ? { [module.output]: normalize(b, read(module.input)) } : {}
    case 'MultiVectorMask':
      if (Object.hasOwn(features, SENTENCE)) throw unsupported('the module MultiVectorMask in a model that pools', where)
      return {}
    case 'other':
      throw unsupported(`the sentence-transformers module ${module.name}`, where, `Known are ${KNOWN}.`)
  }
}

const torchActivations: Readonly<Record<string, string>> = {
  Tanh: 'tanh',
  Identity: 'linear',
  ReLU: 'relu',
  ReLU6: 'relu6',
  LeakyReLU: 'leaky_relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Mish: 'mish',
  Sigmoid: 'sigmoid',
}

/** The name of a class of torch.nn, as `activate` has it. */
function activationOf({ activation, path }: { readonly activation: string; readonly path: string }, where: string): string {
  const name = /^torch\.nn\.(?:modules\.\w+\.)?(\w+)$/.exec(activation)?.[1] ?? ''
  const known = Object.hasOwn(torchActivations, name) ? torchActivations[name] : undefined
  if (known) return known
  throw unsupported(
    `the activation_function ${activation} of the Dense module in "${path}"`,
    where,
    `Known are, of torch.nn: ${Object.keys(torchActivations).join(', ')}.`,
  )
}

/**
 * Pools [B, S, C] to [B, C]. Means weigh before they sum, Σ (m/Σm)·x, so that no sum of hundreds of tokens
 * has to fit into fp16; Σm is at least 1, which is exact for whole numbers where the original's 1e-9 is not in fp16.
 * Where padding is on the left, the first token and the weights 1, 2 … begin behind it.
 * (sentence-transformers `sentence_transformer/modules/pooling.py`)
 */
function pool(b: Builder, x: Value, mask: Value, mode: string, where: string): Value {
  const length = x.type.shape[1] as number
  const keep = b.cast({ x: mask, dtype: x.type.dtype })
  const weighted = (weights: Value) => b.reduce_sum({ x: b.mul({ x, y: b.expand_dims({ x: weights, axes: [2] }) }), axes: [1] })
  const total = (weights: Value, least: number) =>
    b.maximum({ x: b.reduce_sum({ x: weights, axes: [1], keep_dims: true }), y: b.scalar(least, x) })
  switch (mode) {
    case 'cls':
      return tokenAt(b, x, firstPosition(b, mask))
    case 'mean':
      return weighted(b.real_div({ x: keep, y: total(keep, 1) }))
    case 'mean_sqrt_len_tokens':
      return weighted(b.real_div({ x: keep, y: b.sqrt({ x: total(keep, 1) }) }))
    case 'weightedmean': {
      // Weights 1 … S, divided by S: their sum stays below S, and the quotient is the same.
      const places = b.constant(computedConstant('int32', [1, length], 'places from 1', at => at + 1))
      const rank = b.cast({ x: b.sub({ x: places, y: firstPosition(b, mask) }), dtype: x.type.dtype })
      const rising = b.mul({ x: keep, y: b.mul({ x: rank, y: b.scalar(1 / length, x) }) })
      return weighted(b.real_div({ x: rising, y: total(rising, 1 / length) }))
    }
    case 'max': {
      // Dropped tokens become −3e4, below anything that fp16 activations reach.
      const shown = b.expand_dims({ x: keep, axes: [2] })
      const dropped = b.mul({ x: b.sub({ x: shown, y: b.scalar(1, x) }), y: b.scalar(3e4, x) })
      return b.reduce_max({ x: b.add({ x: b.mul({ x, y: shown }), y: dropped }), axes: [1] })
    }
    case 'lasttoken':
      return tokenAt(b, x, lastPosition(b, mask))
    default:
      throw unsupported(`the pooling mode ${mode}`, where)
  }
}

/**
 * v / ‖v‖ over the last axis. v is first divided by its largest magnitude, so that the squares sum to at least 1 and at
 * most C: neither overflows in fp16. A zero vector stays zero, as with the original's max(‖v‖, 1e-12).
 */
export function normalize(b: Builder, vector: Value): Value {
  const largest = b.reduce_max({ x: b.abs({ x: vector }), axes: [-1], keep_dims: true })
  const unit = b.real_div({ x: vector, y: b.maximum({ x: largest, y: b.scalar(1e-7, vector) }) })
  const squares = b.reduce_sum({ x: b.mul({ x: unit, y: unit }), axes: [-1], keep_dims: true })
  return b.mul({ x: unit, y: b.rsqrt({ x: squares, epsilon: 1e-12 }) })
}
