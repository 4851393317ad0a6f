import type { Builder } from '../builder.ts'
import { type Constant, lookupConstant } from '../constant.ts'
import { errors } from '../errors.ts'
import type { Value } from '../graph/graph.ts'
import { activate } from './activation.ts'
import { layerNorm, linear } from './layers.ts'
import type { Weights } from './weights.ts'

/** Where a post-norm layer keeps its modules. */
export interface PostNormNames {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly attentionOutput: string
  readonly attentionNorm: string
  readonly intermediate: string
  readonly output: string
  readonly outputNorm: string
  /** The table of relative distances, of models that have one. */
  readonly distance?: string
}

export interface PostNormConfig {
  readonly hidden: number
  readonly heads: number
  /** Channels of one head; heads · headSize is less than hidden where heads were pruned. */
  readonly headSize: number
  readonly intermediate: number
  readonly activation: string
  readonly epsilon: number
  /** `absolute`, `relative_key` or `relative_key_query`. */
  readonly positions: string
  readonly maxPositions: number
  /** Relative scores are scaled with the others (BERT, RoBERTa) or added after (ALBERT). */
  readonly scaleRelative?: boolean | undefined
  readonly names: PostNormNames
}

export interface AttentionMasks {
  /** [B, S], 1 where a token may be attended to. */
  readonly keyMask?: Value | undefined
  /** [B | 1, S, S], 1 where a query may attend to a key. */
  readonly mask?: Value | undefined
  /** [B | 1, heads | 1, S, S], added to the scores. */
  readonly bias?: Value | undefined
}

/**
 * The encoder layer of Vaswani et al. (2017) with the norm after the residual, as in BERT
 * (transformers `modeling_bert.py`, BertLayer):
 *
 *     a = LN(attention(x)·Wo + x)
 *     y = LN(act(a·W1)·W2 + a)
 */
export function postNormLayer(b: Builder, x: Value, masks: AttentionMasks, w: Weights, config: PostNormConfig): Value {
  const { hidden, epsilon, names } = config
  return b.in(w.path, () => {
    const attended = linear(b, selfAttention(b, x, masks, w, config), w.at(names.attentionOutput), hidden)
    const a = layerNorm(b, b.add({ x: attended, y: x }), w.at(names.attentionNorm), epsilon)
    const inner = activate(b, config.activation, linear(b, a, w.at(names.intermediate), config.intermediate))
    return layerNorm(b, b.add({ x: linear(b, inner, w.at(names.output), hidden), y: a }), w.at(names.outputNorm), epsilon)
  })
}

/** softmax((q·kᵀ + relative) / √d + mask)·v over the heads. */
export function selfAttention(b: Builder, x: Value, masks: AttentionMasks, w: Weights, config: PostNormConfig): Value {
  const { heads, headSize, names } = config
  // Where all of a layer's were pruned, or more than there were.
  if (heads < 1) throw errors.E_UNSUPPORTED({ what: `Attention without heads is not supported; ${w.path || 'a layer'} has none left.` })
  const width = heads * headSize
  return b.attention({
    query: linear(b, x, w.at(names.query), width),
    key: linear(b, x, w.at(names.key), width),
    value: linear(b, x, w.at(names.value), width),
    key_mask: masks.keyMask,
    mask: masks.mask,
    bias: masks.bias,
    ...relativeTables(b, x, w, config),
    heads,
    scale: 1 / Math.sqrt(headSize),
    scale_relative: config.scaleRelative,
  })
}

/** The tables R[i, j] = Dist[i − j + P − 1] of relative positions (Shaw et al. 2018; Huang et al. 2020, methods 4 and 1). */
function relativeTables(b: Builder, x: Value, w: Weights, config: PostNormConfig): { relative_query?: Value; relative_key?: Value } {
  const { positions, maxPositions, headSize, names } = config
  if (!positions.startsWith('relative_key') || names.distance === undefined) return {}
  const length = x.type.shape[1] as number
  const at = w.at(names.distance)
  const distances = at.tensor('weight', [2 * maxPositions - 1, headSize])
  const table = b.in(at.path, () => b.constant(relativeTable(distances, length, maxPositions)))
  return positions === 'relative_key_query' ? { relative_query: table, relative_key: table } : { relative_query: table }
}

/** [2P − 1, d] → [S, S, d] */
const relativeTable = (distances: Constant, length: number, maxPositions: number): Constant => {
  const size = distances.shape[1] as number
  return lookupConstant(distances, [length, length, size], `relative ${maxPositions}`, flat => {
    const pair = Math.floor(flat / size)
    return (Math.floor(pair / length) - (pair % length) + maxPositions - 1) * size + (flat % size)
  })
}
