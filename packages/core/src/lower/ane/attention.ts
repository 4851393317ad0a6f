import type { Builder } from '../../builder.ts'
import {
  type Constant,
  computedConstant,
  concatConstants,
  readAll,
  reshapeConstant,
  scaleConstant,
  transposeConstant,
} from '../../constant.ts'
import { constantOf, type Op, operand, optionalOperand, type Value } from '../../graph/graph.ts'
import { asOp, type OpOf, traitsOf } from '../../ops/ops.ts'
import { gridOf } from '../../passes/grids.ts'
import { AXIS_CAP, evenParts } from '../axis-cap.ts'
import { MASKED_FP16 } from '../half.ts'
import { eachHead, headsApart } from '../heads.ts'
import { maskBias } from '../mask-bias.ts'
import { relativeProducts } from '../relative-products.ts'
import { type LayoutRule, type Lowering, resultOf } from './layout-rule.ts'
import type { Layouts } from './layouts.ts'
import { channelsLast, move, type Placed, placedShape, reshapedSlots, type Slot, sameSlots } from './placement.ts'
import { pointwise } from './products.ts'

/** Queries that are computed at once where a score tensor has to be cut. */
const MOST_QUERIES = 512

/** Elements of one head's scores, 4 MB in fp16: 512 queries over the 4096 keys of a vision encoder. A larger tensor is cut by queries, which changes no result. */
const MOST_SCORES = 2 ** 21

/** Sums of e^x stay below what the ANE's products hold. */
const MOST_WEIGHT = 32752

/**
 * Attention per head in the channel layout, as Apple's reference has it
 * (apple/ml-ane-transformers, multihead_attention.py): queries and values stay [B, C, 1, S], keys are transposed
 * once and then split, scores are [B, keys, 1, queries] with the softmax over axis 1, and the heads are
 * concatenated on the channel axis. The two products are the ones that Core ML's einsum maps without a copy;
 * its operand order is key first. Windows stand on the einsum's free axis: [B, C, windows, S].
 */
export const attention: LayoutRule = (source, lowering) => {
  const op = asOp(source, 'attention')
  if (!op || sharesKeys(op)) return op !== undefined && sharedKeys(op, lowering)
  const { b, layout, precision } = lowering
  const { heads, masked } = op.attributes
  const slots = channelsLast(op.operands.query.type.shape.length)
  const query = scaledQuery(op.operands.query, op.attributes.scale, slots, lowering)
  const attended = keysOnGrid(op, query, lowering) ?? keysInLine(op, query, slots, lowering)

  const least = precision === 'fp16' ? Math.max(masked, MASKED_FP16) : masked
  const biases = headBiases(op, b, layout, least, precision === 'fp32' || everyRowSees(op))
  const relative = attended.whole && relativeScores(op, b, query, attended.whole)
  const replaced = precision === 'fp16' && !everyRowSees(op) ? replacement(op, b, layout) : undefined
  const blocks = { queries: queriesAtOnce(query, attended.sizes), keys: attended.sizes }

  const mixed = attended.queries.map((q, head) => {
    const adjusted = (scores: Value, at: (x: Value) => Value): Value => {
      let out = scores
      for (const added of [relative?.[head], biases[head]]) if (added) out = b.add({ x: out, y: at(added) })
      return replaced ? b.add({ x: b.mul({ x: out, y: at(replaced.keep) }), y: at(replaced.dropped) }) : out
    }
    return attend(b, q, attended.keys[head] as readonly Value[], attended.values[head] as readonly Value[], blocks, adjusted)
  })
  layout.setPlaced(resultOf(op), heads === 1 ? (mixed[0] as Value) : b.concat({ values: mixed, axis: 1 }), slots)
  return true
}

/** What is attended to, in blocks: of each head keys [B, keys, windows, d] and values [B, e, windows, keys]. */
interface Attended {
  /** Keys of each block. */
  readonly sizes: readonly number[]
  readonly keys: readonly (readonly Value[])[]
  readonly values: readonly (readonly Value[])[]
  /** All keys [B, keys, windows, C], where they were at hand in one. */
  readonly whole?: Value
  /** The queries of each head [B, d, windows, queries], d being that of the keys. */
  readonly queries: readonly Value[]
}

function keysInLine(op: OpOf<'attention'>, query: Value, slots: readonly Slot[], { b, layout }: Lowering): Attended {
  const { heads } = op.attributes
  const key = b.transpose({ x: layout.place(op.operands.key, slots), perm: [0, 3, 2, 1] })
  const value = layout.place(op.operands.value, slots)
  const { queries, keys } = decomposed(op, b, query, key) ?? { queries: eachHead(b, query, 1, heads), keys: eachHead(b, key, 3, heads) }
  const sizes = evenParts(key.type.shape[1] as number, AXIS_CAP)
  return {
    sizes,
    keys: keys.map(k => cut(b, k, 1, sizes)),
    values: eachHead(b, value, 1, heads).map(v => cut(b, v, 3, sizes)),
    whole: key,
    queries,
  }
}

/**
 * Keys over the axis cap that stand in a grid [B, H, W, C]: blocks are some rows of it, so that they never stand in one line, where the
 * axis would be too long. Undefined for any others, and with relative positions, which have tables for keys in one line.
 */
function keysOnGrid(op: OpOf<'attention'>, queries: Value, { b, layout }: Lowering): Attended | undefined {
  const { query, key, value, key_mask, mask, bias, ...tables } = op.operands
  const [ofKeys, ofValues] = [gridOf(key), gridOf(value)]
  if (!ofKeys || !ofValues || Object.values(tables).some(table => table !== undefined)) return undefined
  const [, rows, columns] = ofKeys.type.shape as [number, number, number, number]
  if (ofValues.type.shape[1] !== rows) return undefined
  const parts = evenParts(rows, Math.floor(AXIS_CAP / columns))
  const { heads } = op.attributes
  /** [B, C, 1, keys] for each block. */
  const blocks = (grid: Value): readonly Value[] =>
    cut(b, layout.place(grid, channelsLast(4)), 2, parts).map(block => {
      const [batch, channels, height, width] = block.type.shape as [number, number, number, number]
      return b.reshape({ x: block, shape: [batch, channels, 1, height * width] })
    })
  const byHead = (list: readonly Value[], axis: number) => {
    const each = list.map(block => eachHead(b, block, axis, heads))
    return Array.from({ length: heads }, (_, head) => each.map(block => block[head] as Value))
  }
  return {
    sizes: parts.map(part => part * columns),
    keys: byHead(
      blocks(ofKeys).map(block => b.transpose({ x: block, perm: [0, 3, 2, 1] })),
      3,
    ),
    values: byHead(blocks(ofValues), 1),
    queries: eachHead(b, queries, 1, heads),
  }
}

const sharesKeys = ({ operands: { query, key } }: OpOf<'attention'>): boolean =>
  query.type.shape.length === 4 && key.type.shape[1] === 1 && query.type.shape[1] !== 1

/**
 * Windows of queries that have one set of keys between them: some windows at a time in one line, as many as fit, and together again on the
 * windows' axis. No axis gets as long as all queries are. What is different for each query has no form here.
 */
function sharedKeys(op: OpOf<'attention'>, lowering: Lowering): boolean {
  const { b, layout, precision } = lowering
  const { query, key, value, key_mask, ...others } = op.operands
  if (Object.values(others).some(other => other !== undefined)) return false
  const { heads, scale, masked } = op.attributes
  const slots = channelsLast(4)
  const placed = scaledQuery(query, scale, slots, lowering)
  const attended = keysInLine(op, placed, slots, lowering)
  const [batch, , windows, tokens] = placed.type.shape as [number, number, number, number]
  const least = precision === 'fp16' ? Math.max(masked, MASKED_FP16) : masked
  const bias = headBiases(op, b, layout, least, true)[0]
  const row = batch * (attended.sizes[0] as number)
  const atOnce = Math.max(1, Math.floor(mostQueries(row, windows * tokens) / tokens))
  const mixed = cut(b, placed, 2, evenParts(windows, atOnce)).map(some => {
    const [, channels, count] = some.type.shape as [number, number, number, number]
    const line = b.reshape({ x: some, shape: [batch, channels, 1, count * tokens] })
    const blocks = { queries: queriesAtOnce(line, attended.sizes), keys: attended.sizes }
    const parts = eachHead(b, line, 1, heads).map((q, head) =>
      attend(b, q, attended.keys[head] as readonly Value[], attended.values[head] as readonly Value[], blocks, (scores, at) =>
        bias ? b.add({ x: scores, y: at(bias) }) : scores,
      ),
    )
    const together = parts.length === 1 ? (parts[0] as Value) : b.concat({ values: parts, axis: 1 })
    return b.reshape({ x: together, shape: [batch, together.type.shape[1] as number, count, tokens] })
  })
  layout.setPlaced(resultOf(op), mixed.length === 1 ? (mixed[0] as Value) : b.concat({ values: mixed, axis: 2 }), slots)
  return true
}

interface Blocks {
  readonly queries: readonly number[]
  readonly keys: readonly number[]
}

/** How many of these queries may be computed at once, where each has a row of so many scores: all, unless an axis would pass the cap or the scores of one head their bound. */
const mostQueries = (row: number, queries: number): number =>
  row * queries > MOST_SCORES || queries > AXIS_CAP ? Math.min(MOST_QUERIES, Math.max(1, Math.floor(MOST_SCORES / row))) : queries

/** The queries [B, C, windows, queries] in pieces, for keys in blocks of these sizes. */
function queriesAtOnce(query: Value, keys: readonly number[]): readonly number[] {
  const [batch, , windows, queries] = query.type.shape as [number, number, number, number]
  return evenParts(queries, mostQueries(batch * windows * (keys[0] as number), queries))
}

/** Pieces of these sizes. What broadcasts along the axis is the same for every one. */
const cut = (b: Builder, x: Value, axis: number, sizes: readonly number[]): readonly Value[] =>
  sizes.length === 1 || x.type.shape[axis] === 1 ? sizes.map(() => x) : b.split({ x, axis, split_sizes: sizes })

/** One head: q [B, d, windows, queries], keys [B, keys, windows, d] and values [B, e, windows, keys] in blocks → [B, e, windows, queries]. `adjusted` adds to a block of scores what `at` cuts out for it. */
function attend(
  b: Builder,
  q: Value,
  keys: readonly Value[],
  values: readonly Value[],
  blocks: Blocks,
  adjusted: (scores: Value, at: (x: Value) => Value) => Value,
): Value {
  const rows = cut(b, q, 3, blocks.queries).map((piece, i) => {
    const scores = keys.map((some, j) => {
      const at = (x: Value) => cut(b, cut(b, x, 3, blocks.queries)[i] as Value, 1, blocks.keys)[j] as Value
      return adjusted(b.einsum({ values: [some, piece], equation: 'bkhc,bchq->bkhq' }), at)
    })
    return mixBlocks(b, scores, values)
  })
  return rows.length === 1 ? (rows[0] as Value) : b.concat({ values: rows, axis: 3 })
}

/** What some keys make of the values: the mean under their own softmax, and what it weighs, Σ e^(score − most), with the largest score. */
interface Share {
  readonly mean: Value
  readonly most: Value
  readonly weight: Value
}

/**
 * softmax(scores)·v over all blocks of keys. With running maxima (Milakov & Gimelshein 2018), and as means of means rather than as sums that
 * are divided at the end: nothing in between is larger than the values themselves, which fp16 needs.
 */
function mixBlocks(b: Builder, scores: readonly Value[], values: readonly Value[]): Value {
  const mean = (x: Value, v: Value) => b.einsum({ values: [v, b.softmax({ x, axis: 1 })], equation: 'bchk,bkhq->bchq' })
  const [first] = scores as [Value]
  if (scores.length === 1) return mean(first, values[0] as Value)
  const keys = scores.reduce((sum, x) => sum + (x.type.shape[1] as number), 0)
  const factor = Math.min(1, MOST_WEIGHT / keys)
  const shares = scores.map((x, j): Share => {
    const most = b.reduce_max({ x, axes: [1], keep_dims: true })
    const sum = b.reduce_sum({ x: b.exp({ x: b.sub({ x, y: most }) }), axes: [1], keep_dims: true })
    return { mean: mean(x, values[j] as Value), most, weight: factor === 1 ? sum : b.mul({ x: sum, y: b.scalar(factor, sum) }) }
  })
  return shares.reduce((left, right) => {
    const most = b.maximum({ x: left.most, y: right.most })
    const own = (share: Share) => b.mul({ x: share.weight, y: b.exp({ x: b.sub({ x: share.most, y: most }) }) })
    const [x, y] = [own(left), own(right)]
    const weight = b.add({ x, y })
    const part = (share: Share, of: Value) => b.mul({ x: share.mean, y: b.real_div({ x: of, y: weight }) })
    return { mean: b.add({ x: part(left, x), y: part(right, y) }), most, weight }
  }).mean
}

/** The query times the scale, in these places. The scale goes into the weights of the projection where there is one: no op at run time, and one rounding fewer in fp16. */
export function scaledQuery(query: Value, scale: number, slots: readonly Slot[], lowering: Lowering): Value {
  const { b, layout } = lowering
  if (scale === 1) return layout.place(query, slots)
  const projected = scaledProjection(query, scale, lowering)
  if (!projected) return b.mul({ x: layout.place(query, slots), y: b.scalar(scale, query) })
  return sameSlots(projected.slots, slots) ? projected.value : move(b, projected, slots)
}

/** A linear layer with scaled weights, seen through reshapes that move nothing. */
function scaledProjection(query: Value, scale: number, lowering: Lowering): Placed | undefined {
  const { b, layout } = lowering
  const { producer } = query
  if (!producer) return undefined
  if (traitsOf(producer.kind).reshaping) {
    const x = operand(producer, 'x')
    const inner = scaledProjection(x, scale, lowering)
    const slots = inner && reshapedSlots(x.type.shape, inner.slots, query.type.shape)
    return slots && { value: b.reshape({ x: inner.value, shape: placedShape(query.type.shape, slots) }), slots }
  }
  const weight = producer.kind === 'linear' ? constantOf(operand(producer, 'weight')) : undefined
  if (!weight || !layout.fits(operand(producer, 'x'))) return undefined
  const x = operand(producer, 'x')
  const bias = constantOf(optionalOperand(producer, 'bias'))
  const slots = layout.channelSlots(x)
  const value = b.from(
    { origin: { module: producer.origin.module, rules: [...producer.origin.rules, 'scale-into-query'] }, exact: producer.exact },
    [],
    () => pointwise(b, layout.place(x, slots), scaleConstant(weight, scale), bias && scaleConstant(bias, scale)),
  )
  return { value, slots }
}

/**
 * Decomposed relative positions as part of the product: [q, rh, rw]·[k, Eh, Ew]ᵀ, where rh = q·Rh holds a query's score for each row of keys,
 * rw for each column, and the rows of Eh and Ew are 1 at a key's row and column. So no tensor of the size of the scores is added.
 * Rows are the einsum's free axis, q [B, d, rows, columns] as it stands; for the columns q is turned, and what comes of it turned back.
 */
function decomposed(
  op: OpOf<'attention'>,
  b: Builder,
  query: Value,
  key: Value,
): { queries: readonly Value[]; keys: readonly Value[] } | undefined {
  const { heads, scale, scale_relative } = op.attributes
  const ofRows = constantOf(op.operands.relative_rows)
  const ofColumns = constantOf(op.operands.relative_columns)
  if (!ofRows || !ofColumns) return undefined
  const [batch, width, windows, tokens] = query.type.shape as [number, number, number, number]
  const [rows, keyRows] = ofRows.shape as [number, number, number]
  const [columns, keyColumns] = ofColumns.shape as [number, number, number]
  const factor = scale_relative ? 1 : 1 / scale
  /** [n, m, d] → [B, m, windows·n, d] */
  const table = (x: Constant): Value => {
    const turned = scaleConstant(transposeConstant(x, [1, 0, 2]), factor)
    const all = concatConstants(Array<Constant>(windows).fill(turned), 1)
    const one = reshapeConstant(all, [1, ...all.shape])
    return b.constant(concatConstants(Array<Constant>(batch).fill(one), 0))
  }
  /** [B, ·, windows·n, m] with n and m in each other's place. */
  const turn = (x: Value, n: number, m: number): Value => {
    const [, channels] = x.type.shape as [number, number]
    const apart = b.reshape({ x, shape: [batch * channels, windows, n, m] })
    return b.reshape({ x: b.transpose({ x: apart, perm: [0, 1, 3, 2] }), shape: [batch, channels, windows * m, n] })
  }
  const products = (own: readonly Value[], by: Value) => own.map(q => b.einsum({ values: [by, q], equation: 'bkhc,bchq->bkhq' }))
  /** What the heads gave side by side, taken out of the grid at once and apart again: a reshape for all heads, not one for each. */
  const inRow = (values: readonly Value[], turnBack: (x: Value) => Value): readonly Value[] => {
    const together = turnBack(values.length === 1 ? (values[0] as Value) : b.concat({ values, axis: 1 }))
    return eachHead(b, b.reshape({ x: together, shape: [batch, together.type.shape[1] as number, windows, tokens] }), 1, heads)
  }
  const upright = b.reshape({ x: query, shape: [batch, width, windows * rows, columns] })
  const byRow = inRow(products(eachHead(b, upright, 1, heads), table(ofRows)), x => x)
  const turned = products(eachHead(b, turn(upright, rows, columns), 1, heads), table(ofColumns))
  const byColumn = inRow(turned, x => turn(x, columns, rows))
  // Head by head: one concat of everything would join three times as many branches as there are heads, and the ANE's compiler searches over those.
  const queries = eachHead(b, query, 1, heads).map((q, head) =>
    b.concat({ values: [q, byRow[head] as Value, byColumn[head] as Value], axis: 1 }),
  )

  const keys = keyRows * keyColumns
  const inner = keyRows + keyColumns
  const places = computedConstant('fp32', [batch, keys, windows, inner], `rows ${keyRows} columns ${keyColumns}`, at => {
    const [place, k] = [at % inner, Math.floor(at / (inner * windows)) % keys]
    return place === Math.floor(k / keyColumns) || place === keyRows + (k % keyColumns) ? 1 : 0
  })
  return { queries, keys: eachHead(b, key, 3, heads).map(k => b.concat({ values: [k, b.constant(places)], axis: 3 })) }
}

/** What is added to the scores of each head: the bias and the mask over keys, combined before the layers use them. */
function headBiases(op: Op, b: Builder, layout: Layouts, masked: number, additive: boolean): readonly (Value | undefined)[] {
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
  return constantOf(bias) ? eachHead(b, bias, 1, heads).map(turn) : eachHead(b, turn(bias), 2, heads)
}

/** [B, keys] → [B, keys, 1, 1] */
const keyBias = (b: Builder, mask: Value, masked: number, like: Value): Value =>
  b.expand_dims({ x: maskBias(b, mask, masked, like), axes: [2, 3] })

/** A query-key mask as [B, keys, 1, queries]. */
function turnedMask(op: Op, b: Builder, layout: Layouts): Value | undefined {
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
function replacement(op: Op, b: Builder, layout: Layouts): { readonly keep: Value; readonly dropped: Value } | undefined {
  const keep = turnedMask(op, b, layout)
  return keep && { keep, dropped: b.mul({ x: b.sub({ x: keep, y: b.scalar(1, keep) }), y: b.scalar(-MASKED_FP16, keep) }) }
}

/**
 * Where every query sees a key, as under a causal triangle, lowering the score is enough, and so it is in fp32, where
 * the original's own constant absorbs the score: then the mask joins the other biases ahead of the layers.
 */
function additiveMask(op: Op, b: Builder, layout: Layouts, masked: number): Value | undefined {
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
function relativeScores(op: OpOf<'attention'>, b: Builder, query: Value, key: Value): readonly Value[] | undefined {
  const { heads, scale, scale_relative } = op.attributes
  const factors = { query: scale_relative ? 1 : 1 / scale, key: scale_relative ? scale : 1 }
  // [B, C, 1, i] → [B, i, h, d], [B, j, 1, C] → [B, j, h, d]
  const operands = {
    query: () => headsApart(b, b.transpose({ x: query, perm: [0, 3, 2, 1] }), 3, heads, 2),
    key: () => headsApart(b, key, 3, heads, 2),
  }
  const { byQuery, byKey } = relativeProducts(op, b, operands, factors)
  const first = byQuery && b.transpose({ x: byQuery, perm: [0, 3, 2, 1] })
  const both = first && byKey ? b.add({ x: first, y: byKey }) : (first ?? byKey)
  return both && eachHead(b, both, 2, heads)
}
