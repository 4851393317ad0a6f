import { join } from 'node:path'
import {
  type Comparison,
  type Graph,
  type PluginContract,
  type Report,
  rewriteTo,
  type Session,
  type SourceModel,
  type Stages,
  type Tensors,
} from '@silane/core'
import { readPackage } from '@silane/coreml'
import { createRuntime } from '@silane/runtime'
import type { ModelOptions } from '../convert/convert-options.ts'
import type { ProgramPlan } from '../convert/plan-deployment.ts'
import { chooseSamples } from './choose-samples.ts'
import { compareOutputs } from './compare-outputs.ts'
import type { Gate, Gates } from './gates.ts'
import type { Goldens } from './goldens.ts'
import { runSamples } from './run-samples.ts'

export interface ValidationInput {
  /** The folder that paths of the plan are relative to. */
  readonly folder: string
  readonly model: SourceModel
  readonly plan: readonly ProgramPlan[]
  readonly contract: Pick<PluginContract, 'validate'>
  readonly goldens: Goldens
  readonly gates: Gates
  readonly signal?: ModelOptions['signal']
  readonly onProgress?: ModelOptions['onProgress']
}

/** One function with everything that is compared. */
interface FunctionStages {
  readonly program: string
  readonly name: string
  readonly source: Graph
  /** Read back from the package. */
  readonly read?: Graph
  /** The ONNX file's path. */
  readonly onnx?: string
}

/**
 * Compares the stages of every function: the source graph with what the original computed, the ONNX file as written with both,
 * and the package, read back from disk, with the source. A plugin may bring its own comparison.
 */
export async function validateStages(input: ValidationInput): Promise<Report> {
  const functions = await readBack(input)
  const runtime = createRuntime()
  if (input.contract.validate) return input.contract.validate({ model: input.model, functions } satisfies Stages, runtime)
  const comparisons: Comparison[] = []
  const notes: string[] = []
  for (const fn of functions) {
    const { samples, valid, note } = chooseSamples(fn.program, fn.source, input.model, input.goldens)
    if (note !== undefined) notes.push(note)
    // One session at a time, so that memory holds the weights once.
    const run = async (stage: string, graph: Graph, open: () => Promise<Session>): Promise<readonly Tensors[]> => {
      input.signal?.throwIfAborted()
      input.onProgress?.({ step: `validate ${fn.program}/${fn.name}: ${stage}` })
      return runSamples(await open(), graph, samples)
    }
    const check = ({ stage, gate }: Gate, actual: readonly Tensors[], expected: readonly (Tensors | undefined)[]): void => {
      comparisons.push(...compareOutputs({ program: fn.program, function: fn.name, stage, gate }, { actual, expected, samples, valid }))
    }
    const { sourceGolden, onnxGolden, onnxSource, packageSource, packageGolden, roundedSource } = input.gates
    const golden = samples.map(sample => sample.golden)

    const { graph: plain } = rewriteTo(fn.source, { name: 'onnx', precision: 'fp32', opset: 8 })
    const source = await run('source', plain, () => runtime.open(plain))
    check(sourceGolden, source, golden)

    const { onnx, read } = fn
    if (onnx !== undefined) {
      const outputs = await run('ONNX', fn.source, () => runtime.openFile(onnx))
      check(onnxGolden, outputs, golden)
      check(onnxSource, outputs, source)
    }
    if (read) {
      const computed = await run('package', read, () => runtime.open(read))
      check(packageSource, computed, source)
      if (packageGolden) check(packageGolden, computed, golden)
      if (roundedSource) check(roundedSource, await run('package, fp16', read, () => runtime.open(read, { rounding: 'fp16' })), source)
    }
  }
  return { ok: comparisons.every(({ ok }) => ok), comparisons, notes }
}

async function readBack({ folder, plan }: ValidationInput): Promise<FunctionStages[]> {
  const functions: FunctionStages[] = []
  for (const program of plan) {
    const packages = new Map<string, readonly Graph[]>()
    for (const { path } of program.packages) packages.set(path, (await readPackage(join(folder, path))).functions)
    for (const { name, source, coreml, onnx } of program.functions) {
      const read = coreml && packages.get(coreml.path)?.find(graph => graph.name === coreml.function)
      functions.push({
        program: program.name,
        name,
        source,
        ...(read ? { read } : {}),
        ...(onnx ? { onnx: join(folder, onnx.path) } : {}),
      })
    }
  }
  return functions
}
