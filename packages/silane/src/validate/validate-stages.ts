import {
  type Comparison,
  type Coverage,
  isSilaneError,
  own,
  type PluginContract,
  type Report,
  type SourceModel,
  type Step,
  type Tensors,
} from '@silane/core'
import { createRuntime, describeRuntime, type RuntimeFacts, type RuntimeOptions } from '@silane/runtime'
import type { ModelOptions } from '../convert/convert-options.ts'
import { stopwatch } from '../convert/stopwatch.ts'
import { runPipeline } from '../pipeline/run-pipeline.ts'
import { stepsFor, stepsToDecode } from '../pipeline/steps-for.ts'
import { type ChosenSamples, chooseSamples, madeWith, type StageSample } from './choose-samples.ts'
import { compareOutputs } from './compare-outputs.ts'
import { type Gate, ORIGINAL, type StageName, stageNames } from './gates.ts'
import { type Goldens, OF_HOST, requireCompared } from './goldens.ts'
import { type LayerLoss, lossesOf, splitProbes } from './layer-probes.ts'
import { maskAgreement } from './mask-agreement.ts'
import { openStages, type StageFiles } from './open-stages.ts'
import { scoreTokens } from './score-tokens.ts'
import { fittingInputs, type StageFunction, stagePrograms } from './stage-calls.ts'

export interface ValidationInput {
  /** The folder that paths are relative to. */
  readonly folder: string
  /** Where graphs are written while they run, which files hold weights already, and whether somebody else may have written them. */
  readonly runtime: Pick<RuntimeOptions, 'folder' | 'data' | 'foreign'>
  readonly functions: readonly StageFiles[]
  /** What the plugin knows: samples, masks, comparisons of its own. Undefined where the checkpoint is not at hand. */
  readonly source: { readonly model: SourceModel; readonly contract: Pick<PluginContract, 'validate'> } | undefined
  /** What runs one after the other, over the programs that are deployed. */
  readonly steps: readonly Step[]
  readonly programs: readonly { readonly name: string; readonly partOf?: string }[]
  readonly goldens: Goldens
  /** Where they were asked for: then it is an error when none can be compared. */
  readonly golden: string | undefined
  /** What is known before anything is compared. */
  readonly notes?: readonly string[]
  readonly gates: readonly Gate[]
  readonly signal: ModelOptions['signal']
  readonly onProgress: ModelOptions['onProgress']
}

/** Where in the layers of a function half precision loses what it loses; functions without layers have none. */
export interface FunctionLosses {
  readonly program: string
  readonly function: string
  readonly layers: readonly LayerLoss[]
}

export interface StagesReport extends Required<Report> {
  readonly losses: readonly FunctionLosses[]
  /** What everything ran in. */
  readonly runtime: Pick<RuntimeFacts, 'name' | 'version'>
}

type Outputs = readonly (Tensors | undefined)[]

/** What each stage computed, a record per sample, and what the original did. */
type Results = Partial<Record<StageName | typeof ORIGINAL, Outputs>>

/**
 * Runs every function in every stage on the same inputs and holds the pairs that have a gate against each other. Sequences of
 * calls, such as a decoder's over its cache, are compared as a whole besides. What a plugin compares besides joins
 * the rest: it adds, and replaces nothing.
 */
export async function validateStages(input: ValidationInput): Promise<StagesReport> {
  const { source, goldens, gates } = input
  const { note: instead, ...ran } = await describeRuntime()
  const runtime = createRuntime({ ...input.runtime, optimize: false })
  const opened = await openStages(input.folder, input.functions, runtime)
  const { stages, graphs } = opened
  const order = Object.keys(stageNames) as StageName[]
  const wanted = order.filter(stage => gates.some(({ actual, expected }) => actual === stage || expected === stage))
  const comparisons: Comparison[] = []
  const coverage: Coverage[] = []
  const losses: FunctionLosses[] = []
  const warnings: string[] = []
  const notes = new Set([...(instead === undefined ? [] : [instead]), ...opened.notes, ...(input.notes ?? [])])
  const timed = stopwatch(input)
  const inStage = <T>(what: string, stage: StageName, work: () => Promise<T>) => timed(`validate ${what}: ${stageNames[stage]}`, work)
  const compare = (
    program: string,
    name: string,
    results: Results,
    chosen: Omit<ChosenSamples, 'note'> & Pick<StageFunction['ports'], 'outputs'>,
  ) => {
    const { samples, valid, outputs } = chosen
    const masks = outputs.filter(({ role }) => role === 'masks')
    let original = false
    for (const { line, actual, expected, gate, warn } of gates) {
      const [got, reference] = [results[actual], results[expected]]
      if (!got || !reference) continue
      const known = expected === ORIGINAL ? ofProgram(`${program}/${name}`, reference, got, notes) : reference
      const label = {
        program,
        function: name,
        line,
        actual: stageNames[actual],
        expected: expected === ORIGINAL ? expected : stageNames[expected],
      }
      const compared = compareOutputs({ ...label, gate }, { actual: got, expected: known, samples, valid, outputs })
      comparisons.push(...compared)
      original ||= expected === ORIGINAL && compared.length > 0
      if (line === 'total') for (const { name: output } of masks) notes.add(agreement({ ...label, output }, known, got))
      for (const comparison of compared)
        if (warn !== undefined && comparison.problem === undefined && comparison.worst < warn)
          warnings.push(weightsWarning(comparison, warn))
    }
    coverage.push({ program, function: name, inputs: chosen.source, samples: samples.length, original })
  }

  const inputsOf = (program: string): ReadonlySet<string> =>
    new Set(
      wanted.flatMap(stage =>
        stages[stage].flatMap(fn => (fn.program === program ? [...fn.graph.inputs, ...fn.graph.states].map(value => value.name) : [])),
      ),
    )

  for (const { program, name } of input.functions) {
    const runs = wanted.flatMap(stage => stages[stage].filter(fn => fn.program === program && fn.name === name).map(fn => ({ stage, fn })))
    const [any] = runs
    if (!any) {
      notes.add(`${program}/${name}: neither the checkpoint nor a package is at hand, so it was not compared`)
      continue
    }
    const chosen = chooseSamples(program, any.fn, source?.model, goldens, inputsOf(program))
    if (chosen.note !== undefined) notes.add(chosen.note)
    const results: Results = { [ORIGINAL]: chosen.samples.map(sample => sample.golden) }
    const done = new Map<StageFunction, Ran>()
    const probes = new Map<StageName, Tensors>()
    for (const { stage, fn } of runs) {
      const known = done.get(fn) ?? (await inStage(`${program}/${name}`, stage, () => runSamples(fn, chosen.samples)))
      done.set(fn, known)
      results[stage] = known.outputs
      if (known.probes) probes.set(stage, known.probes)
    }
    const [exact, rounded] = [probes.get('lowered'), probes.get('rounded')]
    const layers = runs.find(({ fn }) => fn.probe)?.fn.probe?.layers ?? []
    if (exact && rounded) losses.push({ program, function: name, layers: lossesOf(layers, exact, rounded) })
    compare(program, name, results, { ...chosen, outputs: any.fn.ports.outputs })
  }

  for (const [program, golden] of goldens) {
    if (golden.drive === undefined) continue
    if (golden.drive === OF_HOST) {
      notes.add(`${program}: its golden outputs were not compared: no program gives them, a function of the plugin does`)
      continue
    }
    const samples = golden.samples.map(({ inputs, outputs }): StageSample => ({ inputs, golden: outputs }))
    const results: Results = { [ORIGINAL]: samples.map(sample => sample.golden) }
    let misfit: string | undefined
    for (const stage of wanted) {
      const has = (name: string) => stages[stage].some(fn => fn.program === name)
      const steps = stepsToDecode(stepsFor(input.steps, input.programs, has), new Set(samples.flatMap(({ inputs }) => Object.keys(inputs))))
      if (!steps.every(step => programsOf(step).every(has))) continue
      const twin = wanted.find(other => results[other] && sameFunctions(stages[other], stages[stage]))
      try {
        results[stage] = (twin && results[twin]) ?? (await inStage(program, stage, () => drive(stages[stage], samples, steps)))
      } catch (error) {
        // Every stage takes the same shapes: what does not fit the first one fits none, and is no fault of the conversion.
        if (Object.keys(results).length > 1 || !isSilaneError(error) || !misfits.has(error.code)) throw error
        misfit = error.what
        break
      }
    }
    if (misfit !== undefined) notes.add(`${program}: its golden outputs were not compared: ${misfit.replace(/\.$/, '')}${madeWith(golden)}`)
    else compare(program, golden.drive, results, { samples, source: 'golden', valid: golden.valid, outputs: [] })
  }
  if (input.golden !== undefined) requireCompared(input.golden, coverage, [...notes])
  const own = source && (await source.contract.validate?.({ model: source.model, functions: graphs }, runtime))
  if (own) {
    comparisons.push(...own.comparisons)
    for (const note of own.notes) notes.add(note)
    warnings.push(...(own.warnings ?? []))
    coverage.push(...(own.coverage ?? []))
  }
  const ok = own?.ok !== false && comparisons.every(comparison => comparison.ok)
  return { ok, runtime: ran, comparisons, losses, notes: [...notes], warnings, coverage }
}

/** Errors that say that a sample is of another shape than the programs, or longer than they take. */
const misfits: ReadonlySet<string> = new Set(['E_SESSION_INPUT', 'E_CONTEXT_FULL'])

/** Golden outputs as far as the program has them; what it lacks is noted. */
function ofProgram(name: string, golden: Outputs, got: Outputs, notes: Set<string>): Outputs {
  return golden.map((outputs, i) => {
    const there = got[i]
    if (!outputs || !there) return outputs
    const lacking = Object.keys(outputs).filter(output => !Object.hasOwn(there, output))
    for (const output of lacking)
      notes.add(`${name}: there is a golden output "${output}", which the program lacks; it has ${Object.keys(there).join(', ')}`)
    return Object.fromEntries(Object.entries(outputs).filter(([output]) => Object.hasOwn(there, output)))
  })
}

type Label = Pick<Comparison, 'program' | 'function' | 'output' | 'actual' | 'expected'>

/** What decibels of logits mean for a mask: how many pixels are on the other side of 0. */
function agreement({ program, function: name, output, actual, expected }: Label, references: Outputs, results: Outputs): string {
  const pairs = references.flatMap((tensors, i) => {
    const [reference, found] = [own(tensors, output), own(results[i], output)]
    return reference && found ? [{ reference, actual: found }] : []
  })
  const { changed, pixels, iou } = maskAgreement(pairs)
  return `${program}/${name} ${output}, ${actual} vs ${expected}: ${changed} of ${pixels} pixels change sides, mean IoU ${iou.toFixed(5)}`
}

function weightsWarning({ program, function: name, output, actual, psnr, worst }: Comparison, usual: number): string {
  const left = worst < psnr ? `${psnr.toFixed(1)} dB are left, ${worst.toFixed(1)} in the worst sample` : `${psnr.toFixed(1)} dB are left`
  return `${program}/${name} ${output}, ${actual}: the weights lose this much in fp16, whatever converts them: ${left}; ${usual} and more are usual`
}

const sameFunctions = (a: readonly StageFunction[], b: readonly StageFunction[]): boolean =>
  a.length === b.length && a.every((fn, i) => fn === b[i])

/** Outputs by sample, and what the probes of the first one gave. */
interface Ran {
  readonly outputs: readonly Tensors[]
  readonly probes?: Tensors
}

/** One session is open at a time, so that memory holds the weights once. */
async function runSamples(fn: StageFunction, samples: readonly StageSample[]): Promise<Ran> {
  const session = await (fn.probe ?? fn).open()
  try {
    const outputs: Tensors[] = []
    let first: Tensors | undefined
    for (const { inputs } of samples) {
      const { own, probes } = splitProbes(await session.run(fittingInputs(fn, inputs)))
      outputs.push(own)
      // One sample tells where numbers are lost; the others would only take memory.
      first ??= probes
    }
    return { outputs, ...(fn.probe && first ? { probes: first } : {}) }
  } finally {
    await session.close()
  }
}

/** Runs the whole pipeline for every sample. */
async function drive(
  functions: readonly StageFunction[],
  samples: readonly StageSample[],
  steps: readonly Step[],
): Promise<readonly Tensors[]> {
  const programs = stagePrograms(functions)
  try {
    const outputs: Tensors[] = []
    for (const { inputs, golden = {} } of samples) {
      const things = await runPipeline(steps, programs, inputs, scoreTokens)
      outputs.push(Object.fromEntries(Object.entries(things).filter(([name]) => Object.hasOwn(golden, name))))
    }
    return outputs
  } finally {
    await programs.close()
  }
}

const programsOf = (step: Step): readonly string[] => {
  if ('call' in step) return [step.call]
  if (!('decode' in step)) return []
  return typeof step.entry === 'string' ? step.decode : [...step.decode, step.entry.embed]
}
