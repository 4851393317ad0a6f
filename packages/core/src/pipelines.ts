import type { Graph } from './graph/graph.ts'
import { verifyGraph } from './graph/verify.ts'
import { lowerToAne } from './lower/ane.ts'
import { toHalf } from './lower/half.ts'
import { plainExpansions } from './lower/plain.ts'
import { foldConstants } from './passes/fold-constants.ts'
import { products } from './passes/products.ts'
import { rows } from './passes/rows.ts'
import { simplify } from './passes/simplify.ts'
import type { PluginRewrite, RewriteResult, Target } from './plugin.ts'
import { rewriteGraph } from './rewrite/rewrite.ts'

interface Pass {
  readonly name: string
  run(graph: Graph, target: Target): RewriteResult
}

const only = (graph: Graph): RewriteResult => ({ graph, hits: {} })

const pluginRules = (plugin: PluginRewrite | undefined): Pass => ({
  name: 'plugin-rules',
  run: graph => (plugin?.rules?.length ? rewriteGraph(graph, plugin.rules) : only(graph)),
})

const plainRules = [...simplify, ...foldConstants, ...plainExpansions, ...rows, ...products]
const plain: Pass = { name: 'plain', run: graph => rewriteGraph(graph, plainRules) }
const ane: Pass = { name: 'ane', run: (graph, { precision }) => lowerToAne(graph, precision) }
const half: Pass = { name: 'half', run: (graph, { precision }) => (precision === 'fp16' ? only(toHalf(graph)) : only(graph)) }

/** The pipelines, in order, with the reason for each position. */
const pipelines = (plugin: PluginRewrite | undefined): Readonly<Record<Target['name'], readonly Pass[]>> => ({
  onnx: [
    pluginRules(plugin), // sees the composites, which nothing has taken apart yet
    plain, // onnxruntime runs the original layout fastest
  ],
  coreml: [
    pluginRules(plugin), // as above
    ane, // needs the composites whole: their meaning decides the layout
    half, // last: every constant is computed in fp32 and rounded once
  ],
})

/** Takes a source graph to a target, verifying after each pass. */
export function rewriteTo(graph: Graph, target: Target, plugin?: PluginRewrite): RewriteResult {
  verifyGraph(graph, 'load')
  let current = graph
  const hits: Record<string, number> = {}
  for (const pass of pipelines(plugin)[target.name]) {
    const done = pass.run(current, target)
    verifyGraph(done.graph, pass.name)
    for (const [rule, count] of Object.entries(done.hits)) hits[rule] = (hits[rule] ?? 0) + count
    current = done.graph
  }
  return { graph: current, hits }
}
