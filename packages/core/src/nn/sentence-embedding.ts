import type { Builder } from '../builder.ts'
import { computedConstant } from '../constant.ts'
import { errors } from '../errors.ts'
import type { Value } from '../graph/graph.ts'
import type { SentenceModule } from '../plugin/checkpoint.ts'
import { activate } from './activation.ts'
import { firstToken, lastPosition, linear, tokenAt } from './layers.ts'
import { Weights } from './weights.ts'

/**
 * `sentence_embedding` [B, C'] from token vectors [B, S, C] and the attention mask [B, S]: what sentence-transformers runs after the
 * transformer. Throws E_UNSUPPORTED for a module of another kind.
 */
export function sentenceEmbedding(b: Builder, tokens: Value, mask: Value, modules: readonly SentenceModule[], where: string): Value {
  let vector: Value | undefined
  for (const module of modules) vector = b.in(module.path, () => apply(b, module, vector ?? tokens, { tokens, mask, where }))
  if (!vector) throw unsupported('a modules.json without a pooling module', where)
  return vector
}

const unsupported = (what: string, where: string) =>
  errors.E_UNSUPPORTED({ what: `${where}: ${what} is not supported. Known: Pooling, Dense, Normalize.` })

interface Sentence {
  readonly tokens: Value
  readonly mask: Value
  readonly where: string
}

function apply(b: Builder, module: SentenceModule, vector: Value, { tokens, mask, where }: Sentence): Value {
  switch (module.type) {
    case 'Pooling': {
      const pooled = module.modes.map(mode => pool(b, tokens, mask, mode, where))
      return pooled.length === 1 ? (pooled[0] as Value) : b.concat({ values: pooled, axis: -1 })
    }
    case 'Dense': {
      const { activation, width, tensors } = module
      const known = Object.hasOwn(torchActivations, activation) ? torchActivations[activation] : undefined
      if (!known) throw unsupported(`the activation ${activation} of a Dense module`, where)
      return activate(b, known, linear(b, vector, new Weights(tensors).at('linear'), width, { bias: tensors.config.bias !== false }))
    }
    case 'Normalize':
      return normalize(b, vector)
    case 'other':
      throw unsupported(`the sentence-transformers module ${module.name}`, where)
  }
}

const torchActivations: Readonly<Record<string, string>> = {
  Tanh: 'tanh',
  Identity: 'linear',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
}

/**
 * Pools [B, S, C] to [B, C]. Means weigh before they sum, Σ (m/Σm)·x, so that no sum of hundreds of tokens
 * has to fit into fp16; Σm is at least 1, which is exact for whole numbers where the original's 1e-9 is not in fp16.
 * (sentence-transformers `Pooling.py`)
 */
function pool(b: Builder, x: Value, mask: Value, mode: string, where: string): Value {
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
