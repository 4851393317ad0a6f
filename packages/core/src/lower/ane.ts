import { Builder } from '../builder.ts'
import { concatConstants, scaleConstant } from '../constant.ts'
import { constantOf, type Graph, type Op, operand, operandsOf, optionalOperand, type Value } from '../graph/graph.ts'
import { AXIS_CAP } from '../nn/layers.ts'
import type { AttributeValues } from '../op-definition.ts'
import { type movement, slicedShape } from '../ops/movement.ts'
import { kindsThat } from '../ops/ops.ts'
import { foldConstants } from '../passes/fold-constants.ts'
import { simplify } from '../passes/simplify.ts'
import type { Precision, RewriteResult } from '../plugin/target.ts'
import { copyBoundary, copyOutputs, mappedArguments } from '../rewrite/rewrite.ts'
import { aneAttention, pointwise, scaledQuery } from './ane-attention.ts'
import { lowerCachedAttention } from './cached-attention.ts'
import { Channels } from './channels.ts'
import { plainExpansions } from './plain.ts'

interface Lowering {
  readonly b: Builder
  readonly layout: Channels
  readonly precision: Precision
}

/** Lowers one op in the channel layout and says so with true; false leaves it to the plain layout. */
type LayoutRule = (op: Op, lowering: Lowering) => boolean

const result = (op: Op): Value => op.outputs[0] as Value

/** Axis of [B, S, C] (or [B, C]) in [B, C, 1, S]; undefined for an axis that does not exist. */
const channelAxis = (axis: number, rank: number): number | undefined =>
  rank === 2 ? [0, 1][axis < 0 ? axis + 2 : axis] : [0, 3, 1][axis < 0 ? axis + 3 : axis]

/** Elementwise ops follow their operands: they keep the channel layout where one of them has it. */
const keeps: LayoutRule = (op, { b, layout }) => {
  const out = result(op)
  const operands = operandsOf(op)
  if (!layout.fits(out) || !operands.some(x => layout.isChannels(x))) return false
  const rank = out.type.shape.length
  if (operands.some(x => x.type.shape.length > rank || x.type.dtype !== out.type.dtype)) return false
  const args = mappedArguments(op, x => (x.type.shape.length === 0 ? layout.plain(x) : layout.channels(x, rank)))
  layout.setChannels(out, b.emit(op.kind, args)[0] as Value)
  return true
}

const linear: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const weight = constantOf(operand(op, 'weight'))
  if (!layout.fits(x) || !weight) return false
  layout.setChannels(result(op), pointwise(b, layout.channels(x), weight, constantOf(optionalOperand(op, 'bias'))))
  return true
}

const layerNorm: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const axes = op.attributes.axes as readonly number[]
  const rank = x.type.shape.length
  if (!layout.fits(x) || axes.length !== 1 || channelAxis(axes[0] as number, rank) !== 1) return false
  const args = mappedArguments(op, value => (value === x ? layout.channels(x) : layout.plain(value)))
  layout.setChannels(result(op), b.emit('layer_norm', { ...args, axes: [1] })[0] as Value)
  return true
}

/**
 * layer_norm of [x, −x] over the channels: its mean is 0 and its variance mean(x²), so the first half is the RMS
 * norm, computed by the op that the ANE has, and no square of x is ever stored in fp16 (it overflows above 255).
 */
const rmsNorm: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const gamma = constantOf(operand(op, 'gamma'))
  if (!layout.fits(x) || !gamma) return false
  const own = layout.channels(x)
  const width = own.type.shape[1] as number
  const doubled = b.concat({ values: [own, b.mul({ x: own, y: b.scalar(-1, own) })], axis: 1 })
  const normal = b.layer_norm({
    x: doubled,
    gamma: b.constant(concatConstants([gamma, scaleConstant(gamma, -1)], 0)),
    axes: [1],
    epsilon: op.attributes.epsilon as number,
  })
  layout.setChannels(result(op), b.split({ x: normal, axis: 1, split_sizes: [width, width] })[0] as Value)
  return true
}

const attention: LayoutRule = (op, { b, layout, precision }) => {
  layout.setChannels(result(op), aneAttention(op, b, layout, precision))
  return true
}

const cachedAttention: LayoutRule = (op, { b, layout, precision }) => {
  const operands = {
    query: (x: Value, scale: number) => scaledQuery(x, scale, b, layout),
    channels: (x: Value) => layout.channels(x),
    plain: (x: Value) => layout.plain(x),
  }
  layout.setChannels(result(op), lowerCachedAttention(op, b, operands, precision))
  return true
}

/**
 * x·y of [B, Q, C] and [B, C, K] as attention has it: the einsum that Core ML maps without a copy takes y as [B, K, 1, C], which is
 * its channel layout, and x as [B, C, 1, Q], which is that too, and gives [B, K, 1, Q], the channel layout of [B, Q, K].
 */
const matmul: LayoutRule = (op, { b, layout }) => {
  const operands = [operand(op, 'x'), operand(op, 'y')] as const
  const [x, y] = operands
  if (!operands.some(value => layout.isChannels(value))) return false
  if (!operands.every(value => layout.fits(value) && value.type.shape.length === 3) || x.type.shape[0] !== y.type.shape[0]) return false
  const turned = (value: Value, turn: unknown): Value =>
    turn ? b.transpose({ x: layout.channels(value), perm: [0, 3, 2, 1] }) : layout.channels(value)
  const values = [turned(y, op.attributes.transpose_y), turned(x, op.attributes.transpose_x)]
  layout.setChannels(result(op), b.einsum({ values, equation: 'bkhc,bchq->bkhq' }))
  return true
}

/** [B, S, C] → [B, C, S] is what the channel layout already holds, but for an axis of size 1. */
const transpose: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const perm = op.attributes.perm as readonly number[]
  if (!layout.isChannels(x) || perm.join() !== '0,2,1') return false
  layout.setPlain(result(op), b.squeeze({ x: layout.channels(x), axes: [2] }))
  return true
}

/** Ops along one axis that has a place in the channel layout. */
const alongAxis: LayoutRule = (op, { b, layout }) => {
  const operands = operandsOf(op)
  const axis = channelAxis(op.attributes.axis as number, result(op).type.shape.length)
  if (axis === undefined || !op.outputs.every(x => layout.fits(x)) || !operands.some(x => layout.isChannels(x))) return false
  if (!operands.every(x => layout.fits(x))) return false
  // Pieces of a split vocabulary meet at the border, in the plain layout: together they are over the cap again.
  if (op.kind === 'concat' && axis === 1 && (result(op).type.shape.at(-1) as number) > AXIS_CAP) return false
  const results = b.emit(op.kind, { ...mappedArguments(op, x => layout.channels(x)), axis })
  for (const [i, out] of op.outputs.entries()) layout.setChannels(out, results[i] as Value)
  return true
}

/** A reduction over the tokens or the channels. Without kept axes [B, S, C] becomes [B, C] over the tokens, and [B, S] over the channels. */
const reduction: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const [axis, ...more] = op.attributes.axes as readonly number[]
  if (!layout.isChannels(x) || more.length > 0 || axis === undefined) return false
  const rank = x.type.shape.length
  const own = channelAxis(axis, rank)
  if (own === undefined || own === 0) return false
  const reduced = b.emit(op.kind, { x: layout.channels(x), axes: [own], keep_dims: true })[0] as Value
  if (op.attributes.keep_dims || (own === 3 && rank === 3)) layout.setChannels(result(op), reduced)
  else layout.setPlain(result(op), b.reshape({ x: reduced, shape: result(op).type.shape }))
  return true
}

type Part = ReturnType<typeof slicedShape>[number]

/** Slices of tokens and channels; taking one token turns [B, S, C] into [B, C], which is [B, C, 1, 1]. */
const slice: LayoutRule = (op, { b, layout }) => {
  const x = operand(op, 'x')
  const a = op.attributes as unknown as AttributeValues<typeof movement.slice_by_index.attributes>
  if (!layout.isChannels(x) || x.type.shape.length !== 3) return false
  const squeezed = a.squeeze_mask?.map(Boolean) ?? [false, false, false]
  if (squeezed[0] || squeezed[2]) return false
  const [, token] = slicedShape(x.type.shape, a.begin, a.end, a.stride, a.begin_mask, a.end_mask, a.squeeze_mask) as [Part, Part, Part]
  const turn = <T extends number | boolean>(list: readonly T[] | undefined, own: T, unit: T): T[] | undefined =>
    list && [list[0] as T, list[2] as T, unit, squeezed[1] ? own : (list[1] as T)]
  const value = b.slice_by_index({
    x: layout.channels(x),
    begin: turn(a.begin, token.begin, 0) as number[],
    end: turn(a.end, token.end, 1) as number[],
    stride: turn(a.stride, 1, 1),
    begin_mask: turn(a.begin_mask, false, true),
    end_mask: turn(a.end_mask, false, true),
  })
  layout.setChannels(result(op), value)
  return true
}

/** How each op is laid out for the ANE. What is not in the table computes in the plain layout: slower there, never wrong. */
const layoutRules: Readonly<Record<string, LayoutRule>> = {
  ...Object.fromEntries(kindsThat('elementwise').map(kind => [kind, keeps])),
  ...Object.fromEntries(kindsThat('reduction').map(kind => [kind, reduction])),
  linear,
  layer_norm: layerNorm,
  rms_norm: rmsNorm,
  attention,
  cached_attention: cachedAttention,
  matmul,
  transpose,
  softmax: alongAxis,
  concat: alongAxis,
  split: alongAxis,
  slice_by_index: slice,
}

/** The rules under which the lowered graph is built: conversions that cancel, views of constants, plain forms of what has no other. */
const rules = [...simplify, ...foldConstants, ...plainExpansions]

/**
 * Lowers a graph for the ANE: one walk with two layouts per value, converting at the borders only.
 * Inputs and outputs keep the plain layout of the deployment contract.
 */
export function lowerToAne(graph: Graph, precision: Precision): RewriteResult {
  const b = new Builder(graph.name, { rules })
  const layout = new Channels(b)
  const hits: Record<string, number> = {}
  for (const { value, copy } of copyBoundary(graph, b)) layout.setPlain(value, copy)
  for (const op of graph.ops) {
    const names = op.kind === 'const' ? op.outputs.map(output => output.name) : []
    b.from(op, names, () => {
      if (layoutRules[op.kind]?.(op, { b, layout, precision })) {
        hits[`ane-${op.kind}`] = (hits[`ane-${op.kind}`] ?? 0) + 1
        return
      }
      const results = b.emit(
        op.kind,
        mappedArguments(op, x => layout.plain(x)),
      )
      for (const [i, output] of op.outputs.entries()) layout.setPlain(output, results[i] as Value)
    })
  }
  const outputs = copyOutputs(graph, value => b.in('', () => layout.plain(value)))
  return { graph: b.finish(outputs), hits: { ...hits, ...b.hits } }
}
