import { sizeOf } from '../constant.ts'
import type { TensorType } from '../graph/graph.ts'
import { defaulted, defineOp, one, optional, optionalWeight, required, weight } from '../op-definition.ts'
import { broadcast, demand, floats, oneOf, sameShape, sameType } from './shapes.ts'

/** The smallest fp32: what transformers adds to the score of a masked key. */
export const MASKED = -3.4028234663852886e38

/**
 * The nn level: ops that carry the meaning a lowering needs. Each has a plain expansion (`lower/plain.ts`),
 * which is its definition. `linear`, `layer_norm` and `gather` of the op level carry theirs already.
 */
export const composites = {
  rms_norm: defineOp({
    level: 'nn',
    doc: 'x / √(mean(x²) + epsilon) · gamma over the last axis',
    operands: { x: one, gamma: weight },
    attributes: { epsilon: required('float') },
    infer: ({ x, gamma }) => {
      oneOf(x, floats)
      demand(sameShape(gamma.shape, [x.shape.at(-1) as number]), () => `gamma is [${gamma.shape}] for [${x.shape}]`)
      return x
    },
  }),
  /**
   * Multi-head attention over [B, tokens, heads·d], head-major.
   *
   *     score = (q·kᵀ + relative) · scale + bias
   *     key_mask [B, keys]: masked keys get `masked` added
   *     mask [B | 1, queries, keys]: likewise, but a row may be left without a key: it is then uniform, as in the original
   *     y = softmax(score) · v
   *
   * relative_query, relative_key: tables [queries, keys, d]; q[i]·R[i, j] and k[j]·R[i, j] are added to the
   * score, before the scale (BERT) or after it (ALBERT: `scale_relative` false). (Shaw et al. 2018; Huang et al. 2020.)
   */
  attention: defineOp({
    level: 'nn',
    doc: 'multi-head attention: softmax(q·kᵀ·scale + bias + mask)·v, per head',
    operands: {
      query: one,
      key: one,
      value: one,
      key_mask: optional,
      mask: optional,
      bias: optional,
      relative_query: optionalWeight,
      relative_key: optionalWeight,
    },
    attributes: {
      heads: required('int'),
      scale: required('float'),
      masked: defaulted('float', MASKED),
      scale_relative: defaulted('bool', true),
    },
    macs: ({ query, key }, _, result) => (sizeOf(query.shape) + sizeOf(result.shape)) * (key.shape[1] as number),
    infer: ({ query, key, value, key_mask, mask, bias, relative_query, relative_key }, { heads }) => {
      oneOf(query, floats, 'query')
      sameType(query, key, value)
      demand(
        [query, key, value].every(x => x.shape.length === 3),
        'query, key and value are [B, tokens, channels]',
      )
      const [batch, queries, width] = query.shape as [number, number, number]
      const [, keys] = key.shape as [number, number, number]
      demand(key.shape[2] === width, () => `query is ${width} wide, key ${key.shape[2]}`)
      demand(
        key.shape[0] === batch && value.shape[0] === batch && value.shape[1] === keys,
        () => `key [${key.shape}], value [${value.shape}]`,
      )
      demand(
        width % heads === 0 && (value.shape[2] as number) % heads === 0,
        () => `${heads} heads do not divide ${width} and ${value.shape[2]}`,
      )
      demand(!key_mask || sameShape(key_mask.shape, [batch, keys]), () => `key_mask is [${key_mask?.shape}], not [${batch},${keys}]`)
      if (mask) {
        const [rows, ...pairs] = mask.shape
        demand(
          (rows === batch || rows === 1) && sameShape(pairs, [queries, keys]),
          () => `mask is [${mask.shape}], not [${batch},${queries},${keys}]`,
        )
      }
      if (bias)
        demand(
          sameShape(broadcast(bias.shape, [batch, heads, queries, keys]), [batch, heads, queries, keys]),
          () => `bias is [${bias.shape}]`,
        )
      for (const table of [relative_query, relative_key])
        demand(!table || sameShape(table.shape, [queries, keys, width / heads]), () => `a relative table is [${table?.shape}]`)
      return { dtype: query.dtype, shape: [batch, queries, value.shape[2] as number] }
    },
  }),
  /**
   * Attention over a cache in the channel layout, [1, heads·d, 1, slots], and, where `key` and `value` are given, over
   * the new tokens themselves; cross-attention has the cache alone.
   *
   *     score = q·[cache, new]ᵀ·scale + [cache_bias, bias] + masks
   *     cache_mask [1, slots]: 1 where a slot holds a token, for all queries alike
   *     mask [1, queries, queries]: 1 where a new token may attend to another
   *
   * The cache is read where it stands: no op moves it.
   */
  cached_attention: defineOp({
    level: 'nn',
    doc: 'attention of new tokens over cached keys and values and over each other',
    operands: {
      query: one,
      key_cache: one,
      value_cache: one,
      key: optional,
      value: optional,
      cache_mask: optional,
      mask: optional,
      cache_bias: optional,
      bias: optional,
    },
    attributes: { heads: required('int'), scale: required('float'), masked: defaulted('float', MASKED) },
    macs: ({ query, key_cache, key }, _, result) =>
      (sizeOf(query.shape) + sizeOf(result.shape)) * ((key_cache.shape[3] as number) + (key?.shape[1] ?? 0)),
    infer: ({ query, key_cache, value_cache, key, value, cache_mask, mask, cache_bias, bias }, { heads }) => {
      oneOf(query, floats, 'query')
      sameType(query, key_cache, value_cache)
      demand(query.shape.length === 3 && query.shape[0] === 1, 'query is [1, tokens, channels]')
      const [, queries, width] = query.shape as [number, number, number]
      const slots = key_cache.shape[3] as number
      const out = value_cache.shape[1] as number
      demand(sameShape(key_cache.shape, [1, width, 1, slots]), () => `key_cache is [${key_cache.shape}], not [1,${width},1,slots]`)
      demand(sameShape(value_cache.shape, [1, out, 1, slots]), () => `value_cache is [${value_cache.shape}], not [1,channels,1,${slots}]`)
      demand(width % heads === 0 && out % heads === 0, () => `${heads} heads do not divide ${width} and ${out}`)
      demand((key === undefined) === (value === undefined), 'key and value come together')
      if (key && value)
        demand(
          sameShape(key.shape, [1, queries, width]) && sameShape(value.shape, [1, queries, out]),
          () => `key [${key.shape}], value [${value.shape}]`,
        )
      demand(!cache_mask || sameShape(cache_mask.shape, [1, slots]), () => `cache_mask is [${cache_mask?.shape}], not [1,${slots}]`)
      demand(!mask || sameShape(mask.shape, [1, queries, queries]), () => `mask is [${mask?.shape}], not [1,${queries},${queries}]`)
      const fits = (x: TensorType, keys: number) => sameShape(broadcast(x.shape, [1, heads, queries, keys]), [1, heads, queries, keys])
      demand(!cache_bias || fits(cache_bias, slots), () => `cache_bias is [${cache_bias?.shape}]`)
      demand(!bias || fits(bias, queries), () => `bias is [${bias?.shape}]`)
      return { dtype: query.dtype, shape: [1, queries, out] }
    },
  }),
}
