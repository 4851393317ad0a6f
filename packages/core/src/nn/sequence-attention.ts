import type { Builder } from '../builder.ts'
import type { Value } from '../graph/graph.ts'
import { causalMask, type DecoderAttention } from './decoder-cache.ts'

export interface WholeSequence {
  /** Whether a token sees itself and those before only; false: all of them. Default: true. */
  readonly causal?: boolean
  /** [B, S], 1 where a token may be attended to; undefined: everywhere. */
  readonly keyMask?: Value | undefined
  /** The encoder's side: its mask [B, T], where there is one, and the keys and values [B, T, channels] of a layer. */
  readonly encoder?: { readonly keyMask?: Value | undefined; project(layer: number): { readonly key: Value; readonly value: Value } }
}

/** How layers attend when a whole sequence is read at once, without a cache. */
export const sequenceAttention = (b: Builder, { causal = true, keyMask, encoder }: WholeSequence): DecoderAttention => ({
  self: (_, { query, key, value, heads, scale, bias }) => {
    const mask = causal ? b.constant(causalMask(query.type.shape[1] as number)) : undefined
    return b.attention({ query, key, value, key_mask: keyMask, mask, bias, heads, scale })
  },
  cross: (layer, { query, heads, scale }) => {
    if (!encoder) throw new TypeError('there is no encoder to attend to')
    return b.attention({ query, ...encoder.project(layer), key_mask: encoder.keyMask, heads, scale })
  },
})
