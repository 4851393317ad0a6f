import type { Comparison, Report, RuleHits, SourceModel } from '@silane/core'
import type { FloatOverflow } from '@silane/coreml'
import type { GraphAnalysis } from '../analyze-graph.ts'

export const REPORT_FILE = 'report.json'

/** One function of a target, looked at without running it. */
export interface FunctionReport {
  readonly program: string
  readonly function: string
  readonly target: 'coreml' | 'onnx'
  readonly analysis: GraphAnalysis
  /** How often each rewrite rule fired. */
  readonly rules: RuleHits
}

/** A comparison as it is stored: figures rounded, equality said in words, so that equal conversions give equal bytes. */
export interface StoredComparison {
  readonly program: string
  readonly function: string
  readonly output: string
  readonly stage: string
  /** dB to a tenth; `"equal"` where nothing differs. */
  readonly psnr: number | 'equal' | 'not finite'
  readonly gate: number
  readonly ok: boolean
}

/** `report.json`: validation and static analysis. No times and no places: they are not the conversion's but the machine's. */
export interface ConversionReport {
  readonly schema: 1
  readonly ok: boolean
  readonly validated: boolean
  readonly comparisons: readonly StoredComparison[]
  readonly functions: readonly FunctionReport[]
  readonly notes: readonly string[]
}

const storeComparison = ({ program, function: name, output, stage, psnr, gate, ok }: Comparison): StoredComparison => ({
  program,
  function: name,
  output,
  stage,
  psnr: psnr === Number.POSITIVE_INFINITY ? 'equal' : Number.isFinite(psnr) ? Math.round(psnr * 10) / 10 : 'not finite',
  gate,
  ok,
})

export interface ReportFacts {
  readonly model: SourceModel
  readonly validation: Report | undefined
  readonly rewritten: readonly { readonly reports: readonly FunctionReport[] }[]
  readonly written: readonly { readonly packages: ReadonlyMap<string, { readonly floatOverflow: readonly FloatOverflow[] }> }[]
}

export function buildReport({ model, validation, rewritten, written }: ReportFacts): ConversionReport {
  const overflow = written.flatMap(({ packages }) =>
    [...packages].flatMap(([path, { floatOverflow }]) => floatOverflow.map(found => overflowNote(path, found))),
  )
  return {
    schema: 1,
    ok: validation?.ok ?? true,
    validated: validation !== undefined,
    comparisons: validation?.comparisons.map(storeComparison) ?? [],
    functions: rewritten.flatMap(({ reports }) => reports),
    notes: [...(model.notes ?? []), ...overflow, ...(validation?.notes ?? [])],
  }
}

const overflowNote = (path: string, { constant, elements }: FloatOverflow): string =>
  `${path}: ${elements} elements of ${constant} are outside fp16's range; --precision fp32 keeps them.`
