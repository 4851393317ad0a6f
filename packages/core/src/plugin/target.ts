import type { Graph } from '../graph/graph.ts'
import type { Rule } from '../rewrite/rule.ts'

export type TargetName = 'coreml' | 'onnx'
export type Precision = 'fp16' | 'fp32'
export type MinimumOs = 'ios16' | 'ios17' | 'ios18' | 'ios26'

/** A target and the settings that its lowering may depend on. */
export interface Target {
  readonly name: TargetName
  readonly precision: Precision
  /** The Core ML opset of the minimum OS: 6 for iOS 16, … */
  readonly opset: number
  /** Output matrices with more rows than one axis of the ANE holds are computed in parts, each stored beside a tied table. Default: whole. */
  readonly splitHead?: boolean
}

/** Counts of rewrite rules that fired, by rule name. */
export type RuleHits = Readonly<Record<string, number>>

export interface RewriteResult {
  readonly graph: Graph
  readonly hits: RuleHits
}

/** Rules that a plugin adds to the core's pipeline, before the composites are lowered. */
export interface PluginRewrite {
  readonly rules?: readonly Rule[]
}
