import type { Builder } from '../builder.ts'
import type { Value } from '../graph/graph.ts'
import { asOp, type OpKind, type OpOf } from '../ops/ops.ts'
import { windowGrid } from '../ops/window-grid.ts'
import type { Rule } from '../rewrite/rule.ts'
import { lowerCachedAttention } from './cached-attention.ts'
import { headsApart, headsFirst, headsLast, headsTogether } from './heads.ts'
import { maskBias } from './mask-bias.ts'
import { relativeProducts } from './relative-products.ts'

function attention(op: OpOf<'attention'>, b: Builder): Value {
  const { query, key, value, bias, key_mask, mask } = op.operands
  const { heads, scale, masked, scale_relative } = op.attributes
  const [q, k, v] = [query, key, value].map(x => headsFirst(b, x, heads)) as [Value, Value, Value]
  const scaled = (x: Value): Value => (scale === 1 ? x : b.mul({ x, y: b.scalar(scale, query) }))
  const windows = query.type.shape.length === 4 ? [1] : []
  const relative = relativeScores(op, b, q, k)
  let scores: Value
  if (relative && scale_relative) scores = scaled(b.add({ x: b.matmul({ x: q, y: k, transpose_y: true }), y: relative }))
  else scores = b.matmul({ x: scaled(q), y: k, transpose_y: true })

  // Biases and masks are the same for every window: their batch is the first axis of scores [B, windows, heads, queries, keys] too.
  const beside = (x: Value): Value => {
    return x.type.shape.length < 4 || windows.length === 0 ? x : b.expand_dims({ x, axes: windows })
  }
  const masks = (mask: Value, axes: readonly number[]): Value => beside(b.expand_dims({ x: maskBias(b, mask, masked, query), axes }))
  if (bias) scores = b.add({ x: scores, y: beside(bias) })
  if (key_mask) scores = b.add({ x: scores, y: masks(key_mask, [1, 2]) })
  if (mask) scores = b.add({ x: scores, y: masks(mask, [1]) })
  if (relative && !scale_relative) scores = b.add({ x: scores, y: relative })

  return headsLast(b, b.matmul({ x: b.softmax({ x: scores, axis: -1 }), y: v }))
}

/** What relative positions add to the scores [B, heads, queries, keys]. */
function relativeScores(op: OpOf<'attention'>, b: Builder, q: Value, k: Value): Value | undefined {
  const swapped = (x: Value) => () => b.transpose({ x, perm: [0, 2, 1, 3] })
  const { byQuery, byKey } = relativeProducts(op, b, { query: swapped(q), key: swapped(k) }, { query: 1, key: 1 })
  const parts = [
    byQuery && b.transpose({ x: byQuery, perm: [0, 2, 1, 3] }),
    byKey && b.transpose({ x: byKey, perm: [0, 2, 3, 1] }),
    decomposed(op, b, q, k),
  ].filter(part => part !== undefined)
  return parts.length > 0 ? parts.reduce((x, y) => b.add({ x, y })) : undefined
}

/** q[y, x]·Rh[y, y'] + q[y, x]·Rw[x, x']: a product with the rows as batch, and one with the columns, which are swapped for it. */
function decomposed(op: OpOf<'attention'>, b: Builder, q: Value, k: Value): Value | undefined {
  const { relative_rows: rows, relative_columns: columns } = op.operands
  if (!rows || !columns) return undefined
  /** [n, m, d] → [1, n, d, m] */
  const table = (x: Value): Value => b.expand_dims({ x: b.transpose({ x, perm: [0, 2, 1] }), axes: [0] })
  const [height, keyHeight, size] = rows.type.shape as [number, number, number]
  const [width, keyWidth] = columns.type.shape as [number, number, number]
  const lead = q.type.shape.slice(0, -2)
  const batch = lead.reduce((product, dim) => product * dim, 1)
  const swap = (x: Value) => b.transpose({ x, perm: [0, 2, 1, 3] })
  const grid = b.reshape({ x: q, shape: [batch, height, width, size] })
  const byRow = b.matmul({ x: grid, y: table(rows) })
  const byColumn = swap(b.matmul({ x: swap(grid), y: table(columns) }))
  const queries = height * width
  const sum = b.add({
    x: b.reshape({ x: byRow, shape: [batch, queries, keyHeight, 1] }),
    y: b.reshape({ x: byColumn, shape: [batch, queries, 1, keyWidth] }),
  })
  return b.reshape({ x: sum, shape: [...lead, queries, k.type.shape.at(-2) as number] })
}

function rmsNorm({ operands: { x, gamma }, attributes: { epsilon } }: OpOf<'rms_norm'>, b: Builder): Value {
  const mean = b.reduce_mean({ x: b.mul({ x, y: x }), axes: [-1], keep_dims: true })
  return b.mul({ x: b.mul({ x, y: b.rsqrt({ x: mean, epsilon }) }), y: gamma })
}

/** Cached attention in the plain layout: the same products, with the new tokens turned to channels and back. */
function cachedAttention(op: OpOf<'cached_attention'>, b: Builder): Value {
  const channels = (x: Value) => b.expand_dims({ x: b.transpose({ x, perm: [0, 2, 1] }), axes: [2] })
  const query = (x: Value, scale: number) => channels(scale === 1 ? x : b.mul({ x, y: b.scalar(scale, x) }))
  const mixed = lowerCachedAttention(op, b, { query, channels, plain: x => x }, 'fp32')
  return b.transpose({ x: b.squeeze({ x: mixed, axes: [2] }), perm: [0, 2, 1] })
}

/** x·cos + [−x₂, x₁]·sin over the first channels of each head, as many as the tables have. */
function rotary({ operands: { x, cos, sin }, attributes: { heads } }: OpOf<'rotary'>, b: Builder): Value {
  const last = x.type.shape.length - 1
  const apart = headsApart(b, x, last, heads)
  const size = apart.type.shape.at(-1) as number
  const turned = cos.type.shape.at(-1) as number
  const [own, rest] = turned === size ? [apart] : b.split({ x: apart, axis: -1, split_sizes: [turned, size - turned] })
  const [first, second] = b.split({ x: own as Value, axis: -1, split_sizes: [turned / 2, turned / 2] }) as [Value, Value]
  const quarter = b.concat({ values: [b.mul({ x: second, y: b.scalar(-1, x) }), first], axis: -1 })
  const table = (values: Value) => b.expand_dims({ x: values, axes: [-2] })
  const rotated = b.add({ x: b.mul({ x: own as Value, y: table(cos) }), y: b.mul({ x: quarter, y: table(sin) }) })
  return headsTogether(b, rest ? b.concat({ values: [rotated, rest], axis: -1 }) : rotated, last)
}

/** [B·rows, window, columns, window·C] with two axes swapped. */
function windowPartition({ operands: { x }, attributes: { window } }: OpOf<'window_partition'>, b: Builder): Value {
  const [batch, height, width, channels] = x.type.shape as [number, number, number, number]
  const { rows, columns, below, right } = windowGrid(height, width, window)
  const whole = below + right > 0 ? b.pad({ x, pad: [0, below, 0, right, 0, 0] }) : x
  const grid = b.reshape({ x: whole, shape: [batch * rows, window, columns, window * channels] })
  return b.reshape({ x: b.transpose({ x: grid, perm: [0, 2, 1, 3] }), shape: [batch, rows * columns, window * window, channels] })
}

function windowMerge({ operands: { x }, attributes: { window, height, width } }: OpOf<'window_merge'>, b: Builder): Value {
  const [batch, , , channels] = x.type.shape as [number, number, number, number]
  const { rows, columns, below, right } = windowGrid(height, width, window)
  const grid = b.reshape({ x, shape: [batch * rows, columns, window, window * channels] })
  const whole = b.reshape({ x: b.transpose({ x: grid, perm: [0, 2, 1, 3] }), shape: [batch, rows * window, columns * window, channels] })
  return below + right > 0 ? b.slice_by_index({ x: whole, begin: [0, 0, 0, 0], end: [batch, height, width, channels] }) : whole
}

const expansion = <K extends OpKind>(on: K, rewrite: (op: OpOf<K>, b: Builder) => Value): Rule => ({
  name: `plain-${on.replaceAll('_', '-')}`,
  why: `the definition of ${on}`,
  on,
  rewrite: (op, b) => {
    const own = asOp(op, on)
    return own && rewrite(own, b)
  },
})

/** The plain expansions: what the composites mean, in the layout of the original. The source graph runs as this. */
export const plainExpansions: readonly Rule[] = [
  expansion('attention', attention),
  expansion('cached_attention', cachedAttention),
  expansion('rms_norm', rmsNorm),
  expansion('rotary', rotary),
  expansion('window_partition', windowPartition),
  expansion('window_merge', windowMerge),
]
