import { type Graph, type PassResult, type PluginContract, rewriteTo, type TargetName } from '@silane/core'
import { analyzeGraph } from '../analyze-graph.ts'
import type { FunctionReport } from '../report/report.ts'
import type { ProgramPlan } from './plan-deployment.ts'
import type { Settings } from './resolve-settings.ts'

/** Graphs by function name. */
export type Functions = ReadonlyMap<string, Graph>

/** One pass over one function. */
export interface TracedPass extends PassResult {
  readonly function: string
  readonly target: TargetName
}

/** A program taken to every target. */
export interface RewrittenProgram {
  readonly plan: ProgramPlan
  readonly targets: Readonly<Record<TargetName, Functions>>
  /** For Core ML, before anything was rounded. */
  readonly exact: Functions
  /** Every function after every pass. */
  readonly passes: readonly TracedPass[]
  readonly reports: readonly FunctionReport[]
}

/** Lowers every function of a program: to the ANE's layout in the asked precision, to plain fp32 ops for ONNX. */
export function rewriteProgram(plan: ProgramPlan, plugin: PluginContract, settings: Settings): RewrittenProgram {
  const reports: FunctionReport[] = []
  const exact = new Map<string, Graph>()
  const traced: TracedPass[] = []
  const lower = (name: TargetName): Functions => {
    const wanted = plan.functions.filter(fn => fn[name] !== undefined)
    return new Map(
      wanted.map(fn => {
        const target = {
          name,
          precision: name === 'coreml' ? settings.precision : 'fp32',
          opset: settings.opset,
          splitHead: settings.splitHead,
        } as const
        const { graph, exact: before, hits, passes } = rewriteTo(fn.source, target, plugin.rewrite?.(target))
        if (name === 'coreml') exact.set(fn.name, before)
        traced.push(...passes.map(pass => ({ ...pass, function: fn.name, target: name })))
        reports.push({ program: plan.name, function: fn.name, target: name, analysis: analyzeGraph(graph), rules: sorted(hits) })
        return [fn.name, graph]
      }),
    )
  }
  return { plan, targets: { coreml: lower('coreml'), onnx: lower('onnx') }, exact, passes: traced, reports }
}

const sorted = (hits: Readonly<Record<string, number>>) => Object.fromEntries(Object.entries(hits).sort(([a], [b]) => (a < b ? -1 : 1)))
