import { type Graph, type PassResult, type PluginContract, type RuleHits, rewriteTo, type TargetName } from '@silane/core'
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
  /** How often each rule fired, by function. */
  readonly hits: Readonly<Record<TargetName, ReadonlyMap<string, RuleHits>>>
}

/** Lowers every function of a program: to the ANE's layout in the asked precision, to plain fp32 ops for ONNX. */
export function rewriteProgram(plan: ProgramPlan, plugin: PluginContract, settings: Settings): RewrittenProgram {
  const hits = { coreml: new Map<string, RuleHits>(), onnx: new Map<string, RuleHits>() }
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
        const { graph, exact: before, hits: fired, passes } = rewriteTo(fn.source, target, plugin.rewrite?.(target))
        if (name === 'coreml') exact.set(fn.name, before)
        traced.push(...passes.map(pass => ({ ...pass, function: fn.name, target: name })))
        hits[name].set(fn.name, sorted(fired))
        return [fn.name, graph]
      }),
    )
  }
  return { plan, targets: { coreml: lower('coreml'), onnx: lower('onnx') }, exact, passes: traced, hits }
}

const sorted = (hits: RuleHits): RuleHits => Object.fromEntries(Object.entries(hits).sort(([a], [b]) => (a < b ? -1 : 1)))
