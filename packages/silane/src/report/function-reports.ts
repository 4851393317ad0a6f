import type { Graph, RuleHits } from '@silane/core'
import type { OnnxContents } from '@silane/onnx'
import { analyzeGraph, type GraphAnalysis } from '../analyze-graph.ts'
import { analyzeOnnx, type OnnxAnalysis } from '../analyze-onnx.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'

interface ReportOf<Target, Analysis> {
  readonly program: string
  readonly function: string
  readonly target: Target
  readonly analysis: Analysis
  /** How often each rewrite rule fired. */
  readonly rules: RuleHits
}

/** One function of a target, looked at without running it: for Core ML the graph, for ONNX the nodes of the file. */
export type FunctionReport = ReportOf<'coreml', GraphAnalysis> | ReportOf<'onnx', OnnxAnalysis>

/** The functions of a program, target by target; `contentsOf` gives what the ONNX file of one holds. */
export function functionReports(
  { plan, targets, hits }: RewrittenProgram,
  contentsOf: (name: string, graph: Graph) => OnnxContents,
): FunctionReport[] {
  const facts = (target: 'coreml' | 'onnx', name: string) => ({ program: plan.name, function: name, rules: hits[target].get(name) ?? {} })
  return [
    ...[...targets.coreml].map(([name, graph]) => ({
      ...facts('coreml', name),
      target: 'coreml' as const,
      analysis: analyzeGraph(graph),
    })),
    ...[...targets.onnx].map(([name, graph]) => ({
      ...facts('onnx', name),
      target: 'onnx' as const,
      analysis: analyzeOnnx(contentsOf(name, graph), graph),
    })),
  ]
}
