import type { Graph, RuleHits } from '@silane/core'
import type { OnnxContents } from '@silane/onnx'
import { analyzeGraph, type GraphAnalysis } from '../analyze-graph.ts'
import { analyzeOnnx, type OnnxAnalysis } from '../analyze-onnx.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import type { LayerLoss } from '../validate/layer-probes.ts'

interface ReportOf<Target, Analysis> {
  readonly program: string
  readonly function: string
  readonly target: Target
  readonly analysis: Analysis
  /** How often each rewrite rule fired. */
  readonly rules: RuleHits
}

/** What a function was before it was rewritten, as its plugin made it: layers of the paper, nothing for the ANE. */
export type Before = Pick<GraphAnalysis, 'ops' | 'reshapes' | 'transposes' | 'gathers' | 'convs' | 'maxRank'>

interface Lowered {
  readonly before: Before
  /** Layer → dB of the line `total` behind it, to a tenth; absent where it was not looked at. `"equal"`: nothing is lost. */
  readonly losses?: Readonly<Record<string, number | 'equal'>>
}

/** One function of a target, looked at without running it: for Core ML the graph, for ONNX the nodes of the file. */
export type FunctionReport = (ReportOf<'coreml', GraphAnalysis> & Lowered) | ReportOf<'onnx', OnnxAnalysis>

/** The functions of a program, target by target; `contentsOf` gives what the ONNX file of one holds. */
export function functionReports(
  { plan, targets, hits }: RewrittenProgram,
  contentsOf: (name: string, graph: Graph) => OnnxContents,
  lossesOf: (name: string) => readonly LayerLoss[] | undefined = () => undefined,
): FunctionReport[] {
  const facts = (target: 'coreml' | 'onnx', name: string) => ({ program: plan.name, function: name, rules: hits[target].get(name) ?? {} })
  return [
    ...[...targets.coreml].map(([name, graph]) => ({
      ...facts('coreml', name),
      target: 'coreml' as const,
      analysis: analyzeGraph(graph),
      before: beforeOf(plan, name),
      ...stored(lossesOf(name)),
    })),
    ...[...targets.onnx].map(([name, graph]) => ({
      ...facts('onnx', name),
      target: 'onnx' as const,
      analysis: analyzeOnnx(contentsOf(name, graph), graph),
    })),
  ]
}

function beforeOf({ functions }: RewrittenProgram['plan'], name: string): Before {
  const source = functions.find(fn => fn.name === name)?.source
  if (!source) throw new TypeError(`"${name}" is not planned`)
  const { ops, reshapes, transposes, gathers, convs, maxRank } = analyzeGraph(source)
  return { ops, reshapes, transposes, gathers, convs, maxRank }
}

/** A tenth of a dB, so that equal conversions give equal bytes. What is not finite is told by the comparisons. */
const stored = (losses: readonly LayerLoss[] | undefined): Pick<Lowered, 'losses'> => {
  if (!losses) return {}
  const rounded = losses.flatMap(({ layer, psnr }): [string, number | 'equal'][] => {
    if (psnr === Number.POSITIVE_INFINITY) return [[layer, 'equal']]
    return Number.isFinite(psnr) ? [[layer, Math.round(psnr * 10) / 10]] : []
  })
  return { losses: Object.fromEntries(rounded) }
}
