import { sizeOf } from '../constant.ts'
import type { TensorType } from '../graph/graph.ts'
import { defaulted, defineOp, one, optional, optionalWeight, required, weight } from '../op-definition.ts'
import { broadcast, demand, floats, oneOf, sameShape, sameType } from './shapes.ts'
import { windowGrid } from './window-grid.ts'

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
   * Multi-head attention over [B, tokens, heads·d], head-major, or [B, windows, tokens, heads·d], each window by itself. Keys and values
   * [B, 1, tokens, heads·d] are those of all windows.
   *
   *     score = (q·kᵀ + relative) · scale + bias
   *     key_mask [B, keys]: masked keys get `masked` added
   *     mask [B | 1, queries, keys]: likewise, but a row may be left without a key: it is then uniform, as in the original
   *     y = softmax(score) · v
   *
   * Masks and the bias are the same for every window.
   *
   * relative_query, relative_key: tables [queries, keys, d]; q[i]·R[i, j] and k[j]·R[i, j] are added to the
   * score, before the scale (BERT) or after it (ALBERT: `scale_relative` false). (Shaw et al. 2018; Huang et al. 2020.)
   *
   * relative_rows [rows, key rows, d], relative_columns [columns, key columns, d]: likewise for tokens in a grid, row by row;
   * q[y, x]·(Rh[y, y'] + Rw[x, x']) is added for the key in row y' and column x'. (Li et al. 2022, MViTv2; SAM, with
   * `scale_relative` false.)
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
      relative_rows: optionalWeight,
      relative_columns: optionalWeight,
    },
    attributes: {
      heads: required('int'),
      scale: required('float'),
      masked: defaulted('float', MASKED),
      scale_relative: defaulted('bool', true),
    },
    macs: ({ query, key }, _, result) => (sizeOf(query.shape) + sizeOf(result.shape)) * (key.shape.at(-2) as number),
    infer: ({ query, key, value, key_mask, mask, bias, ...tables }, { heads }) => {
      oneOf(query, floats, 'query')
      sameType(query, key, value)
      const rank = query.shape.length
      demand(
        (rank === 3 || rank === 4) && [key, value].every(x => x.shape.length === rank),
        'query, key and value are [B, tokens, channels] or [B, windows, tokens, channels]',
      )
      const lead = query.shape.slice(0, -2)
      const [batch] = lead as [number]
      const [queries, width] = query.shape.slice(-2) as [number, number]
      const [keys, keyWidth] = key.shape.slice(-2) as [number, number]
      const valueWidth = value.shape.at(-1) as number
      demand(keyWidth === width, () => `query is ${width} wide, key ${keyWidth}`)
      demand(
        [lead, rank === 4 ? [batch, 1] : lead].some(own => sameShape(key.shape.slice(0, -2), own)) &&
          sameShape(value.shape.slice(0, -1), key.shape.slice(0, -1)),
        () => `key [${key.shape}], value [${value.shape}]`,
      )
      demand(width % heads === 0 && valueWidth % heads === 0, () => `${heads} heads do not divide ${width} and ${valueWidth}`)
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
      const { relative_query, relative_key, relative_rows, relative_columns } = tables
      for (const table of [relative_query, relative_key])
        demand(
          !table || (rank === 3 && sameShape(table.shape, [queries, keys, width / heads])),
          () => `a relative table is [${table?.shape}]`,
        )
      demand((relative_rows === undefined) === (relative_columns === undefined), 'relative_rows and relative_columns come together')
      if (relative_rows && relative_columns)
        demand(
          [relative_rows, relative_columns].every(({ shape }) => shape.length === 3 && shape[2] === width / heads) &&
            [queries, keys].every((tokens, i) => (relative_rows.shape[i] as number) * (relative_columns.shape[i] as number) === tokens),
          () =>
            `relative_rows [${relative_rows.shape}] and relative_columns [${relative_columns.shape}] for ${queries} queries and ${keys} keys`,
        )
      return { dtype: query.dtype, shape: [...lead, queries, valueWidth] }
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
  /**
   * Rotary positions (Su et al. 2021) over […, tokens, heads·d], head-major, in the half-split convention: of the first `r` channels of each head
   *
   *     y = x·cos + [−x₂, x₁]·sin        x₁, x₂ their two halves
   *
   * and the others stay. cos and sin are [tokens, r], or of the rank of x with axes of size 1 where they are the same.
   */
  rotary: defineOp({
    level: 'nn',
    doc: 'x·cos + [−x₂, x₁]·sin over the first channels of each head, x₁ and x₂ being their halves',
    operands: { x: one, cos: one, sin: one },
    attributes: { heads: required('int') },
    infer: ({ x, cos, sin }, { heads }) => {
      oneOf(x, floats)
      sameType(x, cos, sin)
      demand(x.shape.length === 3 || x.shape.length === 4, 'x is [B, tokens, channels] or [B, windows, tokens, channels]')
      const width = x.shape.at(-1) as number
      demand(width % heads === 0, () => `${heads} heads do not divide ${width}`)
      const turned = cos.shape.at(-1) as number
      demand(sameShape(cos.shape, sin.shape), () => `cos is [${cos.shape}], sin [${sin.shape}]`)
      const lead = x.shape.slice(0, -1)
      demand(
        turned % 2 === 0 &&
          turned <= width / heads &&
          cos.shape.at(-2) === x.shape.at(-2) &&
          sameShape(broadcast(cos.shape.slice(0, -1), lead), lead),
        () => `cos is [${cos.shape}] for heads of ${width / heads} in [${x.shape}]`,
      )
      return x
    },
  }),
  window_partition: defineOp({
    level: 'nn',
    doc: '[B, H, W, C] cut into square windows, [B, windows, window², C], row by row; zeros are added below and to the right until they fit',
    operands: { x: one },
    attributes: { window: required('int') },
    infer: ({ x }, { window }) => {
      oneOf(x, floats)
      demand(x.shape.length === 4 && window > 0, () => `windows of ${window} in [${x.shape}]`)
      const [batch, height, width, channels] = x.shape as [number, number, number, number]
      const { rows, columns } = windowGrid(height, width, window)
      return { dtype: x.dtype, shape: [batch, rows * columns, window * window, channels] }
    },
  }),
  window_merge: defineOp({
    level: 'nn',
    doc: '[B, windows, window², C] put together to [B, H, W, C], without what window_partition added',
    operands: { x: one },
    attributes: { window: required('int'), height: required('int'), width: required('int') },
    infer: ({ x }, { window, height, width }) => {
      oneOf(x, floats)
      const [batch, windows, tokens, channels] = x.shape as [number, number, number, number]
      const { rows, columns } = windowGrid(height, width, window)
      demand(
        x.shape.length === 4 && tokens === window * window && windows === rows * columns,
        () => `[${x.shape}] are no windows of ${window} over ${height} × ${width}`,
      )
      return { dtype: x.dtype, shape: [batch, height, width, channels] }
    },
  }),
}
