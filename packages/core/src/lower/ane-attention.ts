import type { Builder } from '../builder.ts'
import { type Constant, readAll, reshapeConstant, scaleConstant, transposeConstant } from '../constant.ts'
import { constantOf, type Op, operand, optionalOperand, type Value } from '../graph/graph.ts'
import type { Precision } from '../plugin/target.ts'
import type { Channels } from './channels.ts'
import { MASKED_FP16 } from './half.ts'
import { maskBias } from './mask-bias.ts'

/**
 * Attention per head in the channel layout, as Apple's reference has it
 * (apple/ml-ane-transformers, multihead_attention.py): queries and values stay [B, C, 1, S], keys are transposed
 * once and then split, scores are [B, keys, 1, queries] with the softmax over axis 1, and the heads are
 * concatenated on the channel axis. The two products are the ones that Core ML's einsum maps without a copy;
 * its operand order is key first.
 */
export function aneAttention(op: Op, b: Builder, layout: Channels, precision: Precision): Value {
  const { heads, scale, masked, scale_relative } = op.attributes as {
    heads: number
    scale: number
    masked: number
    scale_relative: boolean
  }
  const query = scaledQuery(operand(op, 'query'), scale, b, layout)
  const key = b.transpose({ x: layout.channels(operand(op, 'key')), perm: [0, 3, 2, 1] })
  const value = layout.channels(operand(op, 'value'))
  const queries = pieces(b, query, 1, heads)
  const keys = pieces(b, key, 3, heads)
  const values = pieces(b, value, 1, heads)

  const least = precision === 'fp16' ? Math.max(masked, MASKED_FP16) : masked
  const biases = headBiases(op, b, layout, least, precision === 'fp32' || everyRowSees(op))
  const relative = relativeScores(op, b, query, key, scale, scale_relative)
  const replace = precision === 'fp16' && !everyRowSees(op) ? replacement(op, b, layout) : (scores: Value) => scores

  const mixed = queries.map((q, head) => {
    let scores = b.einsum({ values: [keys[head] as Value, q], equation: 'bkhc,bchq->bkhq' })
    const rel = relative?.[head]
    if (rel) scores = b.add({ x: scores, y: rel })
    const bias = biases[head]
    if (bias) scores = b.add({ x: scores, y: bias })
    scores = replace(scores)
    return b.einsum({ values: [values[head] as Value, b.softmax({ x: scores, axis: 1 })], equation: 'bchk,bkhq->bchq' })
  })
  return heads === 1 ? (mixed[0] as Value) : b.concat({ values: mixed, axis: 1 })
}

const pieces = (b: Builder, x: Value, axis: number, count: number): readonly Value[] =>
  count === 1 ? [x] : b.split({ x, axis, split_sizes: Array<number>(count).fill((x.type.shape[axis] as number) / count) })

/** The scale goes into the weights of the projection where there is one: no op at run time, and one rounding fewer in fp16. */
export function scaledQuery(query: Value, scale: number, b: Builder, layout: Channels): Value {
  if (scale === 1) return layout.channels(query)
  const producer = query.producer
  const weight = producer?.kind === 'linear' ? constantOf(operand(producer, 'weight')) : undefined
  if (!producer || !weight || !layout.fits(operand(producer, 'x'))) return b.mul({ x: layout.channels(query), y: b.scalar(scale, query) })
  const bias = constantOf(optionalOperand(producer, 'bias'))
  return b.from(
    { origin: { module: producer.origin.module, rules: [...producer.origin.rules, 'scale-into-query'] }, exact: producer.exact },
    [],
    () => pointwise(b, layout.channels(operand(producer, 'x')), scaleConstant(weight, scale), bias && scaleConstant(bias, scale)),
  )
}

/** A linear layer as a 1×1 convolution over [B, C, 1, S]: the same weights with two axes more. */
export const pointwise = (b: Builder, x: Value, weight: Constant, bias: Constant | undefined): Value =>
  b.conv({
    x,
    weight: b.constant(reshapeConstant(weight, [...weight.shape, 1, 1])),
    ...(bias ? { bias: b.constant(bias) } : {}),
    strides: [1, 1],
    pad: [0, 0, 0, 0],
    dilations: [1, 1],
  })

/** What is added to the scores of each head: the bias and the mask over keys, combined before the layers use them. */
function headBiases(op: Op, b: Builder, layout: Channels, masked: number, additive: boolean): readonly (Value | undefined)[] {
  const heads = op.attributes.heads as number
  const bias = optionalOperand(op, 'bias')
  const keyMask = optionalOperand(op, 'key_mask')
  const keys = keyMask && b.in('', () => keyBias(b, layout.plain(keyMask), masked, operand(op, 'query')))
  const pairs = additive ? b.in('', () => additiveMask(op, b, layout, masked)) : undefined
  const shared = keys && pairs ? b.in('', () => b.add({ x: pairs, y: keys })) : (keys ?? pairs)
  if (!bias) return Array<Value | undefined>(heads).fill(shared)
  const plain = layout.plain(bias)
  const rank4 =
    plain.type.shape.length === 4
      ? plain
      : b.reshape({ x: plain, shape: [...Array<number>(4 - plain.type.shape.length).fill(1), ...plain.type.shape] })
  return turnedBiases(b, rank4, heads).map(x => (shared ? b.add({ x, y: shared }) : x))
}

/** [B, heads | 1, queries, keys] → [B, keys, 1, queries] for each head. */
function turnedBiases(b: Builder, bias: Value, heads: number): readonly Value[] {
  const turn = (x: Value) => b.transpose({ x, perm: [0, 3, 1, 2] })
  if (bias.type.shape[1] === 1) return Array<Value>(heads).fill(turn(bias))
  // A constant is cut first: the writer then holds one head of it at a time. What is computed takes one transpose instead of many.
  return constantOf(bias) ? pieces(b, bias, 1, heads).map(turn) : pieces(b, turn(bias), 2, heads)
}

/** [B, keys] → [B, keys, 1, 1] */
const keyBias = (b: Builder, mask: Value, masked: number, like: Value): Value =>
  b.expand_dims({ x: maskBias(b, mask, masked, like), axes: [2, 3] })

/** A query-key mask as [B, keys, 1, queries]. */
function turnedMask(op: Op, b: Builder, layout: Channels): Value | undefined {
  const mask = optionalOperand(op, 'mask')
  if (!mask) return undefined
  const plain = layout.plain(mask)
  const like = operand(op, 'query')
  const keep = plain.type.dtype === like.type.dtype ? plain : b.cast({ x: plain, dtype: like.type.dtype })
  const rank3 = keep.type.shape.length === 3 ? keep : b.reshape({ x: keep, shape: [1, ...keep.type.shape] })
  return b.expand_dims({ x: b.transpose({ x: rank3, perm: [0, 2, 1] }), axes: [2] })
}

/**
 * In fp16 a masked score is replaced, not lowered: scores·keep + (keep − 1)·1e4. A row without any key is then
 * the same everywhere, and its softmax uniform, as with the original's −3.4e38; adding −1e4 would leave the softmax of
 * the raw scores.
 */
function replacement(op: Op, b: Builder, layout: Channels): (scores: Value) => Value {
  const keep = turnedMask(op, b, layout)
  if (!keep) return scores => scores
  const dropped = b.mul({ x: b.sub({ x: keep, y: b.scalar(1, keep) }), y: b.scalar(-MASKED_FP16, keep) })
  return scores => b.add({ x: b.mul({ x: scores, y: keep }), y: dropped })
}

/**
 * Where every query sees a key, as under a causal triangle, lowering the score is enough, and so it is in fp32, where
 * the original's own constant absorbs the score: then the mask joins the other biases ahead of the layers.
 */
function additiveMask(op: Op, b: Builder, layout: Channels, masked: number): Value | undefined {
  const keep = turnedMask(op, b, layout)
  return keep && maskBias(b, keep, masked, keep)
}

const seen = new WeakMap<Constant, boolean>()

/** Whether the mask is a constant that leaves no query without a key. */
function everyRowSees(op: Op): boolean {
  const mask = constantOf(optionalOperand(op, 'mask'))
  if (!mask) return false
  const known = seen.get(mask)
  if (known !== undefined) return known
  const keys = mask.shape.at(-1) as number
  const elements = Array.from(readAll(mask), Number)
  const rows = Array.from({ length: elements.length / keys }, (_, row) => elements.slice(row * keys, (row + 1) * keys))
  const every = rows.every(row => row.some(keep => keep !== 0))
  seen.set(mask, every)
  return every
}

/** Relative-position scores of each head as [B, keys, 1, queries]; the query is scaled already, so the tables make up for it. */
function relativeScores(op: Op, b: Builder, query: Value, key: Value, scale: number, scaled: boolean): readonly Value[] | undefined {
  const heads = op.attributes.heads as number
  const ofQuery = constantOf(optionalOperand(op, 'relative_query'))
  const ofKey = constantOf(optionalOperand(op, 'relative_key'))
  const parts: Value[] = []
  if (ofQuery) {
    // [B, C, 1, i] → [B, i, h, d] · [1, i, d, j] → [B, i, h, j] → [B, j, h, i]
    const table = turnedTable(b, ofQuery, [0, 2, 1], scaled ? 1 : 1 / scale)
    const rows = byHead(b, b.transpose({ x: query, perm: [0, 3, 2, 1] }), heads)
    parts.push(b.transpose({ x: b.matmul({ x: rows, y: table }), perm: [0, 3, 2, 1] }))
  }
  if (ofKey) {
    // [B, j, 1, C] → [B, j, h, d] · [1, j, d, i] → [B, j, h, i]
    parts.push(b.matmul({ x: byHead(b, key, heads), y: turnedTable(b, ofKey, [1, 2, 0], scaled ? scale : 1) }))
  }
  const [first, second] = parts
  if (!first) return undefined
  return pieces(b, second ? b.add({ x: first, y: second }) : first, 2, heads)
}

const turnedTable = (b: Builder, table: Constant, perm: readonly number[], factor: number): Value => {
  const turned = scaleConstant(transposeConstant(table, perm), factor)
  return b.constant(reshapeConstant(turned, [1, ...turned.shape]))
}

/** [B, tokens, 1, heads·d] → [B, tokens, heads, d] */
const byHead = (b: Builder, x: Value, heads: number): Value => {
  const [batch, tokens, , width] = x.type.shape as [number, number, number, number]
  return b.reshape({ x, shape: [batch, tokens, heads, width / heads] })
}
