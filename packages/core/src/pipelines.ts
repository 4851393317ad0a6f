import type { Graph } from './graph/graph.ts'
import { verifyGraph } from './graph/verify.ts'
import { lowerToAne } from './lower/ane.ts'
import { toHalf } from './lower/half.ts'
import { plainExpansions } from './lower/plain.ts'
import { foldConstants } from './passes/fold-constants.ts'
import { grids } from './passes/grids.ts'
import { imageInputs } from './passes/image-inputs.ts'
import { products } from './passes/products.ts'
import { rows } from './passes/rows.ts'
import { simplify } from './passes/simplify.ts'
import { singleHeads } from './passes/single-heads.ts'
import type { PluginRewrite, RewriteResult, Target } from './plugin/target.ts'
import { rewriteGraph } from './rewrite/rewrite.ts'

interface Pass {
  readonly name: string
  /** Rounds: what comes out computes with other numbers. */
  readonly rounds?: true
  run(graph: Graph, target: Target): RewriteResult
}

const only = (graph: Graph): RewriteResult => ({ graph, hits: {} })

const pluginRules = (plugin: PluginRewrite | undefined): Pass => ({
  name: 'plugin-rules',
  run: graph => (plugin?.rules?.length ? rewriteGraph(graph, plugin.rules) : only(graph)),
})

const pictures: Pass = { name: 'image-inputs', run: imageInputs }
const plainRules = [...simplify, ...foldConstants, ...singleHeads, ...plainExpansions, ...rows, ...products]
const plain: Pass = { name: 'plain', run: graph => rewriteGraph(graph, plainRules) }
const largeRules = [...foldConstants, ...singleHeads, ...grids]
const large: Pass = { name: 'large', run: graph => rewriteGraph(graph, largeRules) }
const ane: Pass = { name: 'ane', run: lowerToAne }
const half: Pass = { name: 'half', rounds: true, run: (graph, { precision }) => (precision === 'fp16' ? only(toHalf(graph)) : only(graph)) }

/** The pipelines, in order, with the reason for each position. */
const pipelines = (plugin: PluginRewrite | undefined): Readonly<Record<Target['name'], readonly Pass[]>> => ({
  onnx: [
    pluginRules(plugin), // sees the composites, which nothing has taken apart yet
    plain, // onnxruntime runs the original layout fastest
  ],
  coreml: [
    pluginRules(plugin), // as above
    pictures, // the border first: what it adds is lowered with the rest
    large, // what many tokens cost is settled while attention is whole, and before they have a place
    ane, // needs the composites whole: their meaning decides the layout
    half, // last: every constant is computed in fp32 and rounded once
  ],
})

/** A graph on its way to a target, after one pass. */
export interface PassResult extends RewriteResult {
  readonly pass: string
  readonly milliseconds: number
}

export interface PipelineResult extends RewriteResult {
  /** The graph before the first pass that rounds: all but the numbers' precision is the target's already. */
  readonly exact: Graph
  readonly passes: readonly PassResult[]
}

/** Takes a source graph to a target, verifying after each pass. */
export function rewriteTo(graph: Graph, target: Target, plugin?: PluginRewrite): PipelineResult {
  verifyGraph(graph, 'load')
  const passes: PassResult[] = []
  let current = graph
  let exact: Graph | undefined
  const hits: Record<string, number> = {}
  for (const pass of pipelines(plugin)[target.name]) {
    if (pass.rounds) exact ??= current
    const start = Date.now()
    const done = pass.run(current, target)
    const milliseconds = Date.now() - start
    verifyGraph(done.graph, pass.name)
    for (const [rule, count] of Object.entries(done.hits)) hits[rule] = (hits[rule] ?? 0) + count
    passes.push({ pass: pass.name, ...done, milliseconds })
    current = done.graph
  }
  return { graph: current, exact: exact ?? current, hits, passes }
}
