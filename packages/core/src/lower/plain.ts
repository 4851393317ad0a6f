import type { Builder } from '../builder.ts'
import { reshapeConstant, transposeConstant } from '../constant.ts'
import { constantOf, type Op, operand, optionalOperand, type Value } from '../graph/graph.ts'
import type { Rule } from '../rewrite/rule.ts'
import { lowerCachedAttention } from './cached-attention.ts'
import { maskBias } from './mask-bias.ts'

/** [B, tokens, heads·d] → [B, heads, tokens, d] */
const splitHeads = (b: Builder, x: Value, heads: number): Value => {
  const [batch, tokens, width] = x.type.shape as [number, number, number]
  return b.transpose({ x: b.reshape({ x, shape: [batch, tokens, heads, width / heads] }), perm: [0, 2, 1, 3] })
}

function attention(op: Op, b: Builder): Value {
  const query = operand(op, 'query')
  const { heads, scale, masked, scale_relative } = op.attributes as {
    heads: number
    scale: number
    masked: number
    scale_relative: boolean
  }
  const [batch, queries] = query.type.shape as [number, number, number]
  const q = splitHeads(b, query, heads)
  const k = splitHeads(b, operand(op, 'key'), heads)
  const v = splitHeads(b, operand(op, 'value'), heads)
  const scaled = (x: Value): Value => (scale === 1 ? x : b.mul({ x, y: b.scalar(scale, query) }))

  const relative = relativeScores(op, b, q, k)
  let scores: Value
  if (relative && scale_relative) scores = scaled(b.add({ x: b.matmul({ x: q, y: k, transpose_y: true }), y: relative }))
  else scores = b.matmul({ x: scaled(q), y: k, transpose_y: true })

  const bias = optionalOperand(op, 'bias')
  if (bias) scores = b.add({ x: scores, y: bias })
  const keyMask = optionalOperand(op, 'key_mask')
  if (keyMask) scores = b.add({ x: scores, y: b.expand_dims({ x: maskBias(b, keyMask, masked, query), axes: [1, 2] }) })
  const mask = optionalOperand(op, 'mask')
  if (mask) scores = b.add({ x: scores, y: b.expand_dims({ x: maskBias(b, mask, masked, query), axes: [1] }) })
  if (relative && !scale_relative) scores = b.add({ x: scores, y: relative })

  const mixed = b.matmul({ x: b.softmax({ x: scores, axis: -1 }), y: v })
  const merged = b.transpose({ x: mixed, perm: [0, 2, 1, 3] })
  return b.reshape({ x: merged, shape: [batch, queries, (v.type.shape[3] as number) * heads] })
}

/** Σ_d q[b,h,i,d]·R[i,j,d] and Σ_d k[b,h,j,d]·R[i,j,d] as products with the positions as batch. */
function relativeScores(op: Op, b: Builder, q: Value, k: Value): Value | undefined {
  const ofQuery = constantOf(optionalOperand(op, 'relative_query'))
  const ofKey = constantOf(optionalOperand(op, 'relative_key'))
  const parts: Value[] = []
  if (ofQuery) {
    // [B,h,i,d] → [B,i,h,d] · [1,i,d,j] → [B,i,h,j] → [B,h,i,j]
    const table = b.constant(
      reshapeConstant(transposeConstant(ofQuery, [0, 2, 1]), [
        1,
        ofQuery.shape[0] as number,
        ofQuery.shape[2] as number,
        ofQuery.shape[1] as number,
      ]),
    )
    parts.push(b.transpose({ x: b.matmul({ x: b.transpose({ x: q, perm: [0, 2, 1, 3] }), y: table }), perm: [0, 2, 1, 3] }))
  }
  if (ofKey) {
    // [B,h,j,d] → [B,j,h,d] · [1,j,d,i] → [B,j,h,i] → [B,h,i,j]
    const table = b.constant(
      reshapeConstant(transposeConstant(ofKey, [1, 2, 0]), [
        1,
        ofKey.shape[1] as number,
        ofKey.shape[2] as number,
        ofKey.shape[0] as number,
      ]),
    )
    parts.push(b.transpose({ x: b.matmul({ x: b.transpose({ x: k, perm: [0, 2, 1, 3] }), y: table }), perm: [0, 2, 3, 1] }))
  }
  const [first, second] = parts
  return first && second ? b.add({ x: first, y: second }) : first
}

function rmsNorm(op: Op, b: Builder): Value {
  const x = operand(op, 'x')
  const mean = b.reduce_mean({ x: b.mul({ x, y: x }), axes: [-1], keep_dims: true })
  const normal = b.mul({ x, y: b.rsqrt({ x: mean, epsilon: op.attributes.epsilon as number }) })
  return b.mul({ x: normal, y: operand(op, 'gamma') })
}

/** Cached attention in the plain layout: the same products, with the new tokens turned to channels and back. */
function cachedAttention(op: Op, b: Builder): Value {
  const channels = (x: Value) => b.expand_dims({ x: b.transpose({ x, perm: [0, 2, 1] }), axes: [2] })
  const query = (x: Value, scale: number) => channels(scale === 1 ? x : b.mul({ x, y: b.scalar(scale, x) }))
  const mixed = lowerCachedAttention(op, b, { query, channels, plain: x => x }, 'fp32')
  return b.transpose({ x: b.squeeze({ x: mixed, axes: [2] }), perm: [0, 2, 1] })
}

/** The plain expansions: what the composites mean, in the layout of the original. The source graph runs as this. */
export const plainExpansions: readonly Rule[] = [
  { name: 'plain-attention', why: 'the definition of attention', on: 'attention', rewrite: attention },
  { name: 'plain-cached-attention', why: 'the definition of cached_attention', on: 'cached_attention', rewrite: cachedAttention },
  { name: 'plain-rms-norm', why: 'the definition of rms_norm', on: 'rms_norm', rewrite: rmsNorm },
]
