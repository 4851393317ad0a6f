import type { Builder } from '../builder.ts'
import { computedConstant } from '../constant.ts'
import { errors } from '../errors.ts'
import type { Value } from '../graph/graph.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'
import { activate } from './activation.ts'
import { firstToken, lastPosition, linear, tokenAt } from './layers.ts'
import { Weights } from './weights.ts'

type JsonObject = { readonly [key: string]: Json }

/** Whether the folder carries sentence-transformers modules. */
export const hasSentenceModules = (checkpoint: Checkpoint): boolean => checkpoint.has('modules.json')

/**
 * `sentence_embedding` [B, C'] from token vectors [B, S, C] and the attention mask [B, S]: the modules that
 * sentence-transformers runs after the transformer, in the order of modules.json (pooling, dense, normalize).
 * Throws E_UNSUPPORTED for a module of another kind.
 */
export function sentenceEmbedding(b: Builder, tokens: Value, mask: Value, checkpoint: Checkpoint): Value {
  let vector: Value | undefined
  for (const { type, path } of sentenceModules(checkpoint)) {
    const module = modules[type]
    if (!module) throw unsupported(`the sentence-transformers module ${type}`, checkpoint)
    vector = b.in(path, () => module({ b, tokens, mask, vector: vector ?? tokens, folder: () => checkpoint.folder(path) }))
  }
  if (!vector) throw unsupported('a modules.json without a pooling module', checkpoint)
  return vector
}

function sentenceModules(checkpoint: Checkpoint): { type: string; path: string }[] {
  const listed = checkpoint.json('modules.json')
  const entries = Array.isArray(listed) ? (listed as readonly JsonObject[]) : []
  return entries
    .map(entry => ({ type: String(entry.type).split('.').at(-1) ?? '', path: String(entry.path ?? '') }))
    .filter(({ type }) => type !== 'Transformer' && type !== 'Dropout')
}

const unsupported = (what: string, checkpoint: Checkpoint) =>
  errors.E_UNSUPPORTED({ what: `${checkpoint.location}: ${what} is not supported. Known: ${Object.keys(modules).join(', ')}.` })

interface ModuleInput {
  readonly b: Builder
  readonly tokens: Value
  readonly mask: Value
  readonly vector: Value
  /** Opened by the modules that have files: a Normalize module's folder is empty, and missing on the hub. */
  readonly folder: () => Checkpoint
}

const modules: Readonly<Record<string, (input: ModuleInput) => Value>> = {
  Pooling: ({ b, tokens, mask, folder: open }) => {
    const folder = open()
    const pooled = poolingModes(folder).map(mode => pool(b, tokens, mask, mode, folder))
    return pooled.length === 1 ? (pooled[0] as Value) : b.concat({ values: pooled, axis: -1 })
  },
  Dense: ({ b, vector, folder: open }) => {
    const folder = open()
    const config = folder.config
    const out = Number(config.out_features)
    const name =
      String(config.activation_function ?? 'torch.nn.modules.activation.Tanh')
        .split('.')
        .at(-1) ?? ''
    const known = Object.hasOwn(torchActivations, name) ? torchActivations[name] : undefined
    if (!known) throw unsupported(`the activation ${name} of a Dense module`, folder)
    return activate(b, known, linear(b, vector, new Weights(folder).at('linear'), out))
  },
  Normalize: ({ b, vector }) => normalize(b, vector),
}

const torchActivations: Readonly<Record<string, string>> = {
  Tanh: 'tanh',
  Identity: 'linear',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
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

function poolingModes(folder: Checkpoint): readonly string[] {
  const config = folder.config
  const named = config.pooling_mode
  if (typeof named === 'string') return [named]
  if (Array.isArray(named) && named.length > 0) return named.map(String)
  const set = Object.entries(flags).filter(([flag]) => config[flag] === true)
  return set.length > 0 ? set.map(([, mode]) => mode) : ['mean']
}

/**
 * Pools [B, S, C] to [B, C]. Means weigh before they sum, Σ (m/Σm)·x, so that no sum of hundreds of tokens
 * has to fit into fp16; Σm is at least 1, which is exact for whole numbers where the original's 1e-9 is not in fp16.
 * (sentence-transformers `Pooling.py`)
 */
function pool(b: Builder, x: Value, mask: Value, mode: string, folder: Checkpoint): Value {
  const length = x.type.shape[1] as number
  const keep = b.cast({ x: mask, dtype: x.type.dtype })
  const weighted = (weights: Value) => b.reduce_sum({ x: b.mul({ x, y: b.expand_dims({ x: weights, axes: [2] }) }), axes: [1] })
  const total = (weights: Value, least: number) =>
    b.maximum({ x: b.reduce_sum({ x: weights, axes: [1], keep_dims: true }), y: b.scalar(least, x) })
  switch (mode) {
    case 'cls':
      return firstToken(b, x)
    case 'mean':
      return weighted(b.real_div({ x: keep, y: total(keep, 1) }))
    case 'mean_sqrt_len_tokens':
      return weighted(b.real_div({ x: keep, y: b.sqrt({ x: total(keep, 1) }) }))
    case 'weightedmean': {
      // Weights 1 … S, divided by S: their sum stays below S, and the quotient is the same.
      const rising = b.mul({ x: keep, y: b.constant(computedConstant('fp32', [1, length], 'rising', k => (k + 1) / length)) })
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
      throw unsupported(`the pooling mode ${mode}`, folder)
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
