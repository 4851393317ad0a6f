import { Builder } from '../builder.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { kindsThat } from '../ops/ops.ts'
import { foldConstants } from '../passes/fold-constants.ts'
import { simplify } from '../passes/simplify.ts'
import type { RewriteResult, Target } from '../plugin/target.ts'
import { copyBoundary, copyOutputs, mappedArguments } from '../rewrite/rewrite.ts'
import { attention } from './ane/attention.ts'
import { cachedAttention } from './ane/cached-attention.ts'
import { alongAxis, keeps, reduction } from './ane/elementwise.ts'
import { cast, cumsum, gatherAlongAxis } from './ane/indices.ts'
import type { LayoutRule } from './ane/layout-rule.ts'
import { Layouts } from './ane/layouts.ts'
import { pad, reshape, slice, transpose } from './ane/movement.ts'
import { layerNorm, rmsNorm } from './ane/norms.ts'
import { channelsFirst } from './ane/placement.ts'
import { featureMap, linear, matmul } from './ane/products.ts'
import { rotary } from './ane/rotary.ts'
import { windowMerge, windowPartition } from './ane/windows.ts'
import { plainExpansions } from './plain.ts'

const all = (kinds: readonly string[], rule: LayoutRule): Readonly<Record<string, LayoutRule>> =>
  Object.fromEntries(kinds.map(kind => [kind, rule]))

/** How each op is laid out for the ANE. What is not in the table computes in the plain layout: slower there, never wrong. */
const layoutRules: Readonly<Record<string, LayoutRule>> = {
  ...all(kindsThat('elementwise'), keeps),
  ...all(kindsThat('reduction'), reduction),
  ...all(kindsThat('reshaping'), reshape),
  transpose,
  slice_by_index: slice,
  pad,
  softmax: alongAxis,
  concat: alongAxis,
  split: alongAxis,
  linear,
  matmul,
  conv: featureMap,
  conv_transpose: featureMap,
  batch_norm: featureMap,
  instance_norm: featureMap,
  max_pool: featureMap,
  avg_pool: featureMap,
  upsample_nearest_neighbor: featureMap,
  resize_bilinear: featureMap,
  pixel_shuffle: featureMap,
  layer_norm: layerNorm,
  rms_norm: rmsNorm,
  attention,
  cached_attention: cachedAttention,
  rotary,
  cast,
  cumsum,
  gather_along_axis: gatherAlongAxis,
  window_partition: windowPartition,
  window_merge: windowMerge,
}

/** The rules under which the lowered graph is built: conversions that cancel, views of constants, plain forms of what has no other. */
const rules = [...simplify, ...foldConstants, ...plainExpansions]

/**
 * Lowers a graph for the ANE: one walk in which a value stands plain, in places of a rank-4 tensor, or both, converting at the borders only.
 * Inputs and outputs keep the plain layout of the deployment contract.
 */
export function lowerToAne(graph: Graph, { precision, splitHead = false }: Pick<Target, 'precision' | 'splitHead'>): RewriteResult {
  const b = new Builder(graph.name, { rules })
  const layout = new Layouts(b)
  const outputs = new Set(graph.outputs.map(({ value }) => value))
  const hits: Record<string, number> = {}
  for (const { value, copy } of copyBoundary(graph, b)) {
    layout.setPlain(value, copy)
    // An image stands where a convolution wants it already: what turns it to channels last is another name for that.
    if (value.port?.role === 'image' && value.type.shape.length === 4 && layout.fits(value)) layout.setPlaced(value, copy, channelsFirst)
  }
  for (const op of graph.ops) {
    const names = op.kind === 'const' ? op.outputs.map(output => output.name) : []
    b.from(op, names, () => {
      if (layoutRules[op.kind]?.(op, { b, layout, precision: op.exact ? 'fp32' : precision, splitHead, outputs })) {
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
  const given = copyOutputs(graph, value => b.in('', () => layout.plain(value)))
  return { graph: b.finish(given), hits: { ...hits, ...b.hits } }
}
