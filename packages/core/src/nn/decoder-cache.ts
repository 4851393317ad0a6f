import type { Builder, Output } from '../builder.ts'
import { type Constant, computedConstant } from '../constant.ts'
import type { Value } from '../graph/graph.ts'
import { toChannels } from './layers.ts'

export interface CacheConfig {
  /** Layers whose keys and values are kept. */
  readonly layers: number
  /** heads · head size */
  readonly channels: number
  /** Slots N, a multiple of 32. */
  readonly context: number
  readonly kv: 'io' | 'state'
}

export interface SelfProjections {
  /** [B, S, channels] */
  readonly query: Value
  readonly key: Value
  readonly value: Value
  readonly heads: number
  readonly scale: number
  /** Added to the scores of the slots: [1, heads | 1, S | 1, N]. */
  readonly cacheBias?: Value | undefined
  /** Added to the scores of the new tokens: [1, heads | 1, S, S]. */
  readonly bias?: Value | undefined
}

/** How the tokens of a decoder attend to each other and to an encoder's: over caches, or over whole sequences. */
export interface DecoderAttention {
  /** To each other, in this layer. [B, S, channels] */
  self(layer: number, projected: SelfProjections): Value
  /** To the encoder's keys and values. [B, S, channels] */
  cross(layer: number, projected: Pick<SelfProjections, 'query' | 'heads' | 'scale'>): Value
}

/**
 * The key/value cache of a decoder function, with the names and shapes of the deployment contract.
 *
 *     in   position_ids  int32 [1, S]                    slots of the new tokens
 *     io   key_cache, value_cache  [L, C, 1, N]  in;     key_update, value_update  [L, C, 1, S]  out
 *     state  kv_cache  [2L, C, 1, N]                     layer l's keys at l, its values at L + l
 *
 * Whatever the mode, new tokens attend to the slots before `position_ids[0]` and, by a constant triangle, to each other;
 * so their keys and values need not be written before they are used, and the state takes one write for all layers.
 */
export class DecoderCache {
  readonly positions: Value
  readonly #b: Builder
  readonly #config: CacheConfig
  readonly #state: Value | undefined
  readonly #keys: readonly Value[]
  readonly #values: readonly Value[]
  readonly #cacheMask: Value
  readonly #mask: Value | undefined
  readonly #newKeys: Value[] = []
  readonly #newValues: Value[] = []

  constructor(b: Builder, positions: Value, config: CacheConfig) {
    const { layers, channels, context, kv } = config
    this.#b = b
    this.#config = config
    this.positions = positions
    const tokens = positions.type.shape[1] as number
    if (kv === 'io') {
      this.#keys = perLayer(b, b.input('key_cache', 'fp32', [layers, channels, 1, context], { role: 'cache' }))
      this.#values = perLayer(b, b.input('value_cache', 'fp32', [layers, channels, 1, context], { role: 'cache' }))
    } else {
      this.#state = b.state('kv_cache', 'fp32', [2 * layers, channels, 1, context], { role: 'cache' })
      const slots = perLayer(b, b.read_state({ input: this.#state }))
      this.#keys = slots.slice(0, layers)
      this.#values = slots.slice(layers)
    }
    this.#cacheMask = filledSlots(b, firstPosition(b, positions), context)
    // A single new token sees itself: no mask.
    if (tokens > 1) this.#mask = b.constant(causalMask(tokens))
  }

  /** Attention of the new tokens in layer `layer`; their keys and values are kept. [1, S, channels] */
  attend(layer: number, { query, key, value, heads, scale, cacheBias, bias }: SelfProjections): Value {
    this.#newKeys[layer] = toChannels(this.#b, key)
    this.#newValues[layer] = toChannels(this.#b, value)
    return this.#b.cached_attention({
      query,
      key,
      value,
      key_cache: this.#keys[layer] as Value,
      value_cache: this.#values[layer] as Value,
      cache_mask: this.#cacheMask,
      mask: this.#mask,
      cache_bias: cacheBias,
      bias,
      heads,
      scale,
    })
  }

  /** What the function gives beside its own outputs: the updates, or nothing once the state is written. */
  outputs(): Readonly<Record<string, Output>> {
    const b = this.#b
    if (!this.#state) {
      return {
        key_update: { value: joined(b, this.#newKeys), updates: 'key_cache' },
        value_update: { value: joined(b, this.#newValues), updates: 'value_cache' },
      }
    }
    const { layers, channels } = this.#config
    const tokens = this.positions.type.shape[1] as number
    const at = firstPosition(b, this.positions)
    const bound = (rows: number, width: number, slot: Value) =>
      b.concat({
        values: [b.constant(computedConstant('int32', [3], `bound ${rows} ${width}`, i => [rows, width, rows && 1][i] as number)), slot],
        axis: 0,
      })
    const data = b.slice_update({
      x: b.read_state({ input: this.#state }),
      update: joined(b, [...this.#newKeys, ...this.#newValues]),
      begin: bound(0, 0, at),
      end: bound(2 * layers, channels, b.add({ x: at, y: b.constant(computedConstant('int32', [1], `tokens ${tokens}`, () => tokens)) })),
    })
    b.write_state({ input: this.#state, data })
    return {}
  }
}

/** 1 where a token may attend to another: to itself and to those before. [1, S, S] */
export const causalMask = (tokens: number): Constant =>
  computedConstant('fp32', [1, tokens, tokens], 'triangle', at => (at % tokens <= Math.floor(at / tokens) ? 1 : 0))

/** position_ids[0] as [1]. */
const firstPosition = (b: Builder, positions: Value): Value =>
  b.slice_by_index({ x: positions, begin: [0, 0], end: [1, 1], squeeze_mask: [true, false] })

/** 1 for the slots before `position`, [1, N]. */
function filledSlots(b: Builder, position: Value, context: number): Value {
  const slots = b.constant(computedConstant('int32', [1, context], 'places', at => at))
  return b.cast({ x: b.less({ x: slots, y: b.expand_dims({ x: position, axes: [0] }) }), dtype: 'fp32' })
}

/** The first axis taken apart. */
const perLayer = (b: Builder, x: Value): readonly Value[] => {
  const layers = x.type.shape[0] as number
  return layers === 1 ? [x] : b.split({ x, axis: 0, split_sizes: Array<number>(layers).fill(1) })
}

/** Keys or values [1, S, C] of every layer as [L, C, 1, S]: what an encoder program gives its decoder. */
export const stackLayers = (b: Builder, layers: readonly Value[]): Value =>
  joined(
    b,
    layers.map(x => toChannels(b, x)),
  )

const joined = (b: Builder, parts: readonly Value[]): Value =>
  parts.length === 1 ? (parts[0] as Value) : b.concat({ values: parts, axis: 0 })

/**
 * The encoder's side of a decoder: `cross_key` and `cross_value` [L, C, 1, S], computed once by the encoder program, and the mask
 * over them, where there is one.
 */
export class CrossCache {
  readonly #b: Builder
  readonly #keys: readonly Value[]
  readonly #values: readonly Value[]
  readonly #mask: Value | undefined

  constructor(
    b: Builder,
    config: { readonly layers: number; readonly channels: number; readonly length: number },
    mask: Value | undefined,
  ) {
    const shape = [config.layers, config.channels, 1, config.length]
    this.#b = b
    this.#keys = perLayer(b, b.input('cross_key', 'fp32', shape, { role: 'cross' }))
    this.#values = perLayer(b, b.input('cross_value', 'fp32', shape, { role: 'cross' }))
    this.#mask = mask
  }

  /** Attention of the new tokens to the encoder's in layer `layer`. [1, S, channels] */
  attend(layer: number, { query, heads, scale }: Pick<SelfProjections, 'query' | 'heads' | 'scale'>): Value {
    return this.#b.cached_attention({
      query,
      key_cache: this.#keys[layer] as Value,
      value_cache: this.#values[layer] as Value,
      cache_mask: this.#mask,
      heads,
      scale,
    })
  }
}
