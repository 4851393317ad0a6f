import type { Comparison, Coverage, Line } from '@silane/core'
import type { OnnxContents } from '@silane/onnx'
import type { WrittenProgram } from '../convert/build-manifest.ts'
import type { LoadedModel } from '../convert/prepare-model.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import { unreadWarning } from '../convert/unread-tensors.ts'
import { missedGates } from '../validate/missed-gates.ts'
import type { StagesReport } from '../validate/validate-stages.ts'
import { describeNonFinite } from './describe-non-finite.ts'
import { type FunctionReport, functionReports } from './function-reports.ts'

export const REPORT_FILE = 'report.json'

/** A comparison as it is stored: figures rounded, equality said in words, so that equal conversions give equal bytes. */
export interface StoredComparison {
  readonly program: string
  readonly function: string
  readonly output: string
  readonly line: Line
  readonly actual: string
  readonly expected: string
  /** dB to a tenth; `"equal"` where nothing differs, `"none"` where there is a problem. */
  readonly psnr: number | 'equal' | 'none'
  /** Absent where the figure is only reported. */
  readonly gate?: number
  readonly ok: boolean
  readonly problem?: string
}

/** `report.json`: validation and static analysis. No times and no places: they are not the conversion's but the machine's. */
export interface ConversionReport {
  readonly schema: 1
  readonly ok: boolean
  readonly validated: boolean
  /** The build of onnxruntime that it ran in; absent without validation. */
  readonly runtime?: StagesReport['runtime']
  readonly comparisons: readonly StoredComparison[]
  /** What was run on which samples, and whether the original had a say. */
  readonly coverage: readonly Coverage[]
  /** Why `ok` is false: a sentence each. */
  readonly misses: readonly string[]
  /** Within the gates, and worth knowing all the same. */
  readonly warnings: readonly string[]
  /** Tensors of the checkpoint that are not in the converted model, although the plugin does not know that they may be left out. */
  readonly unread: readonly string[]
  readonly functions: readonly FunctionReport[]
  readonly notes: readonly string[]
}

const storeComparison = ({ psnr, gate, problem, maxAbs: _, cosine: __, worst: ___, ...rest }: Comparison): StoredComparison => ({
  ...rest,
  psnr: psnr === Number.POSITIVE_INFINITY ? 'equal' : Number.isFinite(psnr) ? Math.round(psnr * 10) / 10 : 'none',
  ...(gate === undefined ? {} : { gate }),
  ...(problem === undefined ? {} : { problem }),
})

export interface ReportFacts {
  readonly model: LoadedModel
  /** The package of the plugin. */
  readonly plugin: string
  readonly validation: StagesReport | undefined
  readonly rewritten: readonly RewrittenProgram[]
  /** In the same order. */
  readonly written: readonly WrittenProgram[]
}

export function buildReport({ model, plugin, validation, rewritten, written }: ReportFacts): ConversionReport {
  const numbers = describeNonFinite(written, model.tensors)
  return {
    schema: 1,
    // What became infinite as it was written spoils every run, whether or not one was made here.
    ok: (validation?.ok ?? true) && numbers.misses.length === 0,
    validated: validation !== undefined,
    ...(validation ? { runtime: validation.runtime } : {}),
    comparisons: validation?.comparisons.map(storeComparison) ?? [],
    coverage: validation?.coverage ?? [],
    misses: [...missedGates(validation?.comparisons ?? []), ...numbers.misses],
    warnings: [
      ...(model.unread.length > 0 ? [unreadWarning(model.unread, plugin)] : []),
      ...numbers.warnings,
      ...(validation?.warnings ?? []),
    ],
    unread: model.unread,
    functions: rewritten.flatMap((program, i) =>
      functionReports(
        program,
        name => contentsIn(written[i], name),
        name => validation?.losses.find(found => found.program === program.plan.name && found.function === name)?.layers,
      ),
    ),
    notes: [...(model.notes ?? []), ...(validation?.notes ?? [])],
  }
}

function contentsIn(written: WrittenProgram | undefined, name: string): OnnxContents {
  const file = written?.onnx.get(name)
  if (!file) throw new TypeError(`the ONNX file of "${name}" was not written`)
  return file.contents
}
