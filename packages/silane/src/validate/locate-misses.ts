import type { Comparison, SourceModel } from '@silane/core'
import { createRuntime } from '@silane/runtime'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import { chooseSamples } from './choose-samples.ts'
import { differences, pairs } from './differences.ts'

export interface LocateContext {
  readonly rewritten: readonly RewrittenProgram[]
  readonly model: SourceModel
  /** Where graphs are written while they run. */
  readonly folder: string
}

/**
 * For each missed gate, the first module of the checkpoint whose output falls below it, as a sentence. The last value of each
 * module is compared between the two graphs of the line, as far as its shape is the same or the channel form of the same.
 */
export async function locateMisses(
  comparisons: readonly Comparison[],
  { rewritten, model, folder }: LocateContext,
): Promise<readonly string[]> {
  const runtime = createRuntime({ folder, optimize: false })
  const located: string[] = []
  const seen = new Set<string>()
  for (const { program, function: name, line, gate, ok } of comparisons) {
    const key = `${program}/${name}, ${line}`
    const owner = rewritten.find(({ plan }) => plan.name === program)
    const pair = owner && pairs[line]?.(owner, name)
    if (ok || gate === undefined || !pair || seen.has(key)) continue
    seen.add(key)
    const { samples } = chooseSamples(program, pair.expected, model, new Map())
    const found = await differences(pair, ({ module }) => module || undefined, samples[0]?.inputs ?? {}, runtime)
    const below = found.find(({ psnr }) => psnr < gate)
    if (below)
      located.push(`${key}: first below ${gate} dB at ${below.part}, ${below.value} (${below.problem ?? `${below.psnr.toFixed(1)} dB`})`)
  }
  return located
}
