import type { Comparison, PluginContract, Report, SourceModel, Tensors } from '@silane/core'
import { createRuntime } from '@silane/runtime'
import type { ModelOptions } from '../convert/convert-options.ts'
import { type ChosenSamples, chooseSamples, type StageSample } from './choose-samples.ts'
import { compareOutputs } from './compare-outputs.ts'
import { drivers } from './drivers.ts'
import { type Gate, STAGES, type StageName } from './gates.ts'
import { type Goldens, requireCompared } from './goldens.ts'
import { openStages, type StageFiles } from './open-stages.ts'
import { fittingInputs, type StageFunction, stageCalls } from './stage-calls.ts'

export interface ValidationInput {
  /** The folder that paths are relative to. */
  readonly folder: string
  readonly functions: readonly StageFiles[]
  /** What the plugin knows: samples, masks, a comparison of its own. Undefined where the checkpoint is not at hand. */
  readonly source: { readonly model: SourceModel; readonly contract: Pick<PluginContract, 'validate'> } | undefined
  /** Programs that are one in a chain, in order. */
  readonly chain: readonly string[]
  readonly goldens: Goldens
  /** Where they were asked for: then it is an error when none can be compared. */
  readonly golden: string | undefined
  readonly gates: readonly Gate[]
  readonly signal: ModelOptions['signal']
  readonly onProgress: ModelOptions['onProgress']
}

/** What each stage computed, a record per sample; `golden` is what the original computed. */
type Results = Readonly<Partial<Record<StageName | 'golden', readonly (Tensors | undefined)[]>>>

/**
 * Runs every function in every stage on the same inputs and holds the pairs that have a gate against each other. Sequences of
 * calls, such as a decoder's over its cache, are compared as a whole besides. A plugin may bring its own comparison.
 */
export async function validateStages(input: ValidationInput): Promise<Report> {
  const { source, goldens, gates, signal, onProgress } = input
  const runtime = createRuntime()
  const { stages, graphs } = await openStages(input.folder, input.functions, runtime)
  if (source?.contract.validate) return source.contract.validate({ model: source.model, functions: graphs }, runtime)

  const wanted = STAGES.filter(stage => gates.some(({ actual, expected }) => actual === stage || expected === stage))
  const comparisons: Comparison[] = []
  const notes: string[] = []
  const announce = (what: string, stage: StageName) => {
    signal?.throwIfAborted()
    onProgress?.({ step: `validate ${what}: ${stage}` })
  }
  const compare = (program: string, fn: string, results: Results, { samples, valid }: Pick<ChosenSamples, 'samples' | 'valid'>) => {
    for (const { actual, expected, stage, gate } of gates) {
      const [got, reference] = [results[actual], results[expected]]
      if (got && reference)
        comparisons.push(...compareOutputs({ program, function: fn, stage, gate }, { actual: got, expected: reference, samples, valid }))
    }
  }

  for (const { program, name } of input.functions) {
    const runs = wanted.flatMap(stage => stages[stage].filter(fn => fn.program === program && fn.name === name).map(fn => ({ stage, fn })))
    const [any] = runs
    if (!any) {
      notes.push(`${program}/${name}: neither the checkpoint nor a package is at hand, so it was not compared`)
      continue
    }
    const chosen = chooseSamples(program, any.fn.graph, source?.model, goldens)
    if (chosen.note !== undefined) notes.push(chosen.note)
    const results: Partial<Record<StageName | 'golden', readonly (Tensors | undefined)[]>> = {
      golden: chosen.samples.map(sample => sample.golden),
    }
    for (const { stage, fn } of runs) {
      announce(`${program}/${name}`, stage)
      results[stage] = await runSamples(fn, chosen.samples)
    }
    compare(program, name, results, chosen)
  }

  for (const [program, golden] of goldens) {
    const driver = golden.drive === undefined ? undefined : drivers[golden.drive]
    if (golden.drive !== undefined && !driver)
      notes.push(`${program}: its golden outputs come from "${golden.drive}", which is not known here`)
    if (!driver) continue
    const samples = golden.samples.map(({ inputs, outputs }): StageSample => ({ inputs, golden: outputs }))
    const results: Partial<Record<StageName | 'golden', readonly (Tensors | undefined)[]>> = {
      golden: samples.map(sample => sample.golden),
    }
    for (const stage of wanted) {
      const has = (part: string) => stages[stage].some(fn => fn.program === part)
      const parts = has(program) ? [program] : input.chain
      if (parts.length === 0 || !parts.every(has)) continue
      announce(program, stage)
      results[stage] = await drive(stages[stage], samples, (calls, sample) => driver(calls, program, parts, sample.inputs))
    }
    compare(program, golden.drive ?? '', results, { samples, valid: golden.valid })
  }
  if (input.golden !== undefined) requireCompared(input.golden, comparisons, notes)
  return { ok: comparisons.every(({ ok }) => ok), comparisons, notes }
}

/** One session is open at a time, so that memory holds the weights once. */
async function runSamples(fn: StageFunction, samples: readonly StageSample[]): Promise<readonly Tensors[]> {
  const session = await fn.open()
  try {
    const outputs: Tensors[] = []
    for (const { inputs } of samples) outputs.push(await session.run(fittingInputs(fn, inputs)))
    return outputs
  } finally {
    await session.close()
  }
}

async function drive(
  functions: readonly StageFunction[],
  samples: readonly StageSample[],
  call: (calls: ReturnType<typeof stageCalls>, sample: StageSample) => Promise<Tensors>,
): Promise<readonly Tensors[]> {
  const calls = stageCalls(functions)
  try {
    const outputs: Tensors[] = []
    for (const sample of samples) outputs.push(await call(calls, sample))
    return outputs
  } finally {
    await calls.close()
  }
}
