import type { Builder } from '../builder.ts'
import { type Op, operand, optionalOperand, type Value } from '../graph/graph.ts'
import type { Precision } from '../plugin/target.ts'
import { MASKED_FP16 } from './half.ts'
import { headsApart, headsTogether } from './heads.ts'
import { maskBias } from './mask-bias.ts'

/** How a lowering gets at the operands: queries, keys and values of new tokens as [1, heads·d, 1, S], everything else as it is. */
export interface CachedOperands {
  /** The queries times the scale. */
  query(value: Value, scale: number): Value
  channels(value: Value): Value
  plain(value: Value): Value
}

/**
 * Cached attention with all heads as the batch of a matmul. The cache [1, heads·d, 1, N] is seen as [1, heads, d, N], which
 * leaves its last axis, and so its bytes, where they are; the products take the operand that has to be turned as
 * `transpose_x` or `transpose_y`, and the softmax runs over the slots. Scores of the cache and of the new tokens are
 * put side by side, being small, rather than the keys, which are not. Gives [1, heads·d, 1, S].
 */
export function lowerCachedAttention(op: Op, b: Builder, operands: CachedOperands, precision: Precision): Value {
  const { heads, scale, masked } = op.attributes as { heads: number; scale: number; masked: number }
  const least = precision === 'fp16' ? Math.max(masked, MASKED_FP16) : masked
  const own = operands.query(operand(op, 'query'), scale)
  const tokens = own.type.shape[3] as number
  const q = byHead(b, own, heads)
  const keyCache = byHead(b, operands.plain(operand(op, 'key_cache')), heads)
  const valueCache = byHead(b, operands.plain(operand(op, 'value_cache')), heads)
  const slots = keyCache.type.shape[3] as number

  const cacheBias = sum(b, [biasOf(op, 'cache_bias', operands), keyBias(op, b, operands, least, own)])
  let scores = b.matmul({ x: q, y: keyCache, transpose_x: true })
  const key = optionalOperand(op, 'key')
  const value = optionalOperand(op, 'value')
  if (!key || !value) {
    if (cacheBias) scores = b.add({ x: scores, y: cacheBias })
    return joined(b, b.matmul({ x: valueCache, y: b.softmax({ x: scores, axis: -1 }), transpose_y: true }))
  }

  let fresh = b.matmul({ x: q, y: byHead(b, operands.channels(key), heads), transpose_x: true })
  const bias = sum(b, [biasOf(op, 'bias', operands), newBias(op, b, operands, least, own)])
  if (cacheBias) scores = b.add({ x: scores, y: cacheBias })
  if (bias) fresh = b.add({ x: fresh, y: bias })
  const weights = b.softmax({ x: b.concat({ values: [scores, fresh], axis: 3 }), axis: -1 })
  const [old, recent] = b.split({ x: weights, axis: 3, split_sizes: [slots, tokens] }) as [Value, Value]
  const fromCache = b.matmul({ x: valueCache, y: old, transpose_y: true })
  const fromNew = b.matmul({ x: byHead(b, operands.channels(value), heads), y: recent, transpose_y: true })
  return joined(b, b.add({ x: fromCache, y: fromNew }))
}

/** [1, heads·d, 1, N] → [1, heads, d, N] */
const byHead = (b: Builder, x: Value, heads: number): Value => headsApart(b, x, 1, heads, 2)

/** [1, heads, d, S] → [1, heads·d, 1, S] */
const joined = (b: Builder, x: Value): Value => headsTogether(b, x, 1, 'kept')

const biasOf = (op: Op, name: string, operands: CachedOperands): Value | undefined => {
  const bias = optionalOperand(op, name)
  return bias && operands.plain(bias)
}

/** [1, slots] → [1, 1, 1, slots]. The module is left out of the origin, so that all layers share it. */
const keyBias = (op: Op, b: Builder, operands: CachedOperands, masked: number, like: Value): Value | undefined => {
  const mask = optionalOperand(op, 'cache_mask')
  return mask && b.in('', () => b.expand_dims({ x: maskBias(b, operands.plain(mask), masked, like), axes: [1, 2] }))
}

const newBias = (op: Op, b: Builder, operands: CachedOperands, masked: number, like: Value): Value | undefined => {
  const mask = optionalOperand(op, 'mask')
  return mask && b.in('', () => b.expand_dims({ x: maskBias(b, operands.plain(mask), masked, like), axes: [1] }))
}

const sum = (b: Builder, parts: readonly (Value | undefined)[]): Value | undefined => {
  const [x, y] = parts.filter(part => part !== undefined)
  return x && y ? b.in('', () => b.add({ x, y })) : x
}
