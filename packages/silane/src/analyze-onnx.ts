import { type Graph, macsOf } from '@silane/core'
import type { OnnxContents } from '@silane/onnx'
import type { GraphAnalysis } from './analyze-graph.ts'

/** What an ONNX file holds, by its own nodes. What the ANE asks of a layout does not concern it. */
export type OnnxAnalysis = Pick<
  GraphAnalysis,
  'ops' | 'histogram' | 'constants' | 'constantBytes' | 'macs' | 'convs' | 'gathers' | 'reshapes' | 'transposes'
>

/** Counts the nodes of a file; the graph it was written from knows the multiply-accumulates. */
export function analyzeOnnx({ ops, initializers, weightBytes }: OnnxContents, graph: Graph): OnnxAnalysis {
  const count = (...kinds: readonly string[]) => kinds.reduce((sum, kind) => sum + (ops[kind] ?? 0), 0)
  return {
    ops: Object.values(ops).reduce((sum, n) => sum + n, 0),
    histogram: ops,
    constants: initializers,
    constantBytes: weightBytes,
    macs: graph.ops.reduce((sum, op) => sum + macsOf(op), 0),
    convs: count('Conv'),
    gathers: count('Gather', 'GatherElements', 'GatherND'),
    reshapes: count('Reshape', 'Squeeze', 'Unsqueeze'),
    transposes: count('Transpose'),
  }
}
