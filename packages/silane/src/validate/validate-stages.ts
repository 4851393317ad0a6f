import { join } from 'node:path'
import {
  type Comparison,
  type Graph,
  type PluginContract,
  type Report,
  rewriteTo,
  type Session,
  type SourceModel,
  type Tensors,
} from '@silane/core'
import { readPackage } from '@silane/coreml'
import { createRuntime } from '@silane/runtime'
import type { ModelOptions } from '../convert/convert-options.ts'
import { chooseSamples } from './choose-samples.ts'
import { compareOutputs } from './compare-outputs.ts'
import type { Gate, Gates } from './gates.ts'
import type { Goldens } from './goldens.ts'
import { runSamples } from './run-samples.ts'

/** One function and the files that hold it. */
export interface StageFiles {
  readonly program: string
  readonly name: string
  /** Undefined where the checkpoint is not at hand. */
  readonly source: Graph | undefined
  /** The package, relative to the folder, and the function's name in it. */
  readonly coreml: { readonly path: string; readonly function: string } | undefined
  readonly onnx: { readonly path: string } | undefined
}

export interface ValidationInput {
  /** The folder that paths are relative to. */
  readonly folder: string
  readonly functions: readonly StageFiles[]
  /** What the plugin knows: samples, masks, a comparison of its own. Undefined where the checkpoint is not at hand. */
  readonly source: { readonly model: SourceModel; readonly contract: Pick<PluginContract, 'validate'> } | undefined
  readonly goldens: Goldens
  readonly gates: Gates
  readonly signal: ModelOptions['signal']
  readonly onProgress: ModelOptions['onProgress']
}

/**
 * Compares the stages of every function: the source graph with what the original computed, the ONNX file as written with both,
 * and the package, read back from disk, with the source. A plugin may bring its own comparison.
 */
export async function validateStages(input: ValidationInput): Promise<Report> {
  const { folder, source: origin, goldens, gates, signal, onProgress } = input
  const functions = await readBack(input)
  const runtime = createRuntime()
  if (origin?.contract.validate) {
    const known = functions.flatMap(({ source, ...rest }) => (source ? [{ ...rest, source }] : []))
    return origin.contract.validate({ model: origin.model, functions: known }, runtime)
  }
  const comparisons: Comparison[] = []
  const notes: string[] = []
  for (const { program, name, source, read, onnx } of functions) {
    const graph = source ?? read
    if (!graph) {
      notes.push(`${program}/${name}: neither the checkpoint nor a package is at hand, so it was not compared`)
      continue
    }
    const { samples, valid, note } = chooseSamples(program, graph, origin?.model, goldens)
    if (note !== undefined) notes.push(note)
    // One session at a time, so that memory holds the weights once.
    const run = (stage: string, of: Graph, open: () => Promise<Session>): Promise<readonly Tensors[]> => {
      signal?.throwIfAborted()
      onProgress?.({ step: `validate ${program}/${name}: ${stage}` })
      return runSamples(open, of, samples)
    }
    const check = (gate: Gate | undefined, actual: readonly Tensors[], expected: readonly (Tensors | undefined)[] | undefined): void => {
      if (gate && expected) comparisons.push(...compareOutputs({ program, function: name, ...gate }, { actual, expected, samples, valid }))
    }
    const golden = samples.map(sample => sample.golden)
    const plain = source && rewriteTo(source, { name: 'onnx', precision: 'fp32', opset: 8 }).graph
    const reference = plain && (await run('source', plain, () => runtime.open(plain)))
    if (reference) check(gates.sourceGolden, reference, golden)
    if (onnx !== undefined) {
      const outputs = await run('ONNX', graph, () => runtime.openFile(join(folder, onnx)))
      check(gates.onnxGolden, outputs, golden)
      check(gates.onnxSource, outputs, reference)
    }
    if (read) {
      const computed = await run('package', read, () => runtime.open(read))
      check(gates.packageSource, computed, reference)
      check(gates.packageGolden, computed, golden)
      if (gates.roundedSource || gates.roundedGolden) {
        const rounded = await run('package, fp16', read, () => runtime.open(read, { rounding: 'fp16' }))
        check(gates.roundedSource, rounded, reference)
        check(gates.roundedGolden, rounded, golden)
      }
    }
  }
  return { ok: comparisons.every(({ ok }) => ok), comparisons, notes }
}

interface ReadStages {
  readonly program: string
  readonly name: string
  readonly source: Graph | undefined
  readonly read?: Graph
  readonly onnx?: string
}

async function readBack({ folder, functions }: ValidationInput): Promise<ReadStages[]> {
  const packages = new Map<string, readonly Graph[]>()
  for (const { coreml } of functions) {
    if (coreml && !packages.has(coreml.path)) packages.set(coreml.path, (await readPackage(join(folder, coreml.path))).functions)
  }
  return functions.map(({ program, name, source, coreml, onnx }) => {
    const read = coreml && packages.get(coreml.path)?.find(graph => graph.name === coreml.function)
    return { program, name, source, ...(read ? { read } : {}), ...(onnx ? { onnx: onnx.path } : {}) }
  })
}
