import {
  type Comparison,
  type Constant,
  constantOf,
  type Graph,
  isFloat,
  type Line,
  reshapeConstant,
  rewriteTo,
  type SourceModel,
  type Tensors,
  type TensorType,
  transposeConstant,
  type Value,
} from '@silane/core'
import { compareSamples, createRuntime, type OnnxRuntime } from '@silane/runtime'
import { describeTensors } from '../convert/describe-tensors.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import { chooseSamples } from './choose-samples.ts'
import { fittingInputs, type StageFunction } from './stage-calls.ts'

/** Two graphs of one function, of which the second loses something. */
interface Pair {
  readonly expected: Side
  readonly actual: Side
  readonly rounding: 'none' | 'fp16'
}

type Side = Pick<StageFunction, 'graph' | 'ports' | 'pictures'>

const sideOf = (graph: Graph): Side => ({ graph, ports: describeTensors(graph, 'coreml') })
const packaged = (graph: Graph): Side => ({ ...sideOf(graph), pictures: true })

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
    const found = rewritten.find(({ plan }) => plan.name === program)
    const pair = found && pairs[line]?.(found, name)
    if (ok || gate === undefined || !pair || seen.has(key)) continue
    seen.add(key)
    const { samples } = chooseSamples(program, pair.expected, model, new Map())
    const below = await firstBelow(pair, samples[0]?.inputs ?? {}, gate, runtime)
    if (below)
      located.push(`${key}: first below ${gate} dB at ${below.module}, ${below.value} (${below.problem ?? `${below.psnr.toFixed(1)} dB`})`)
  }
  return located
}

/** The graphs behind the lines that compare graphs. The package read back has no origins; the graph written to it has. */
const pairs: Readonly<Partial<Record<Line, (program: RewrittenProgram, name: string) => Pair | undefined>>> = {
  lowering: ({ plan, exact }, name) => {
    const source = plan.functions.find(fn => fn.name === name)?.source
    const actual = exact.get(name)
    if (!source || !actual) return undefined
    // As it runs: composites expanded.
    const plain = rewriteTo(source, { name: 'onnx', precision: 'fp32', opset: 8 }).graph
    return { expected: sideOf(plain), actual: packaged(actual), rounding: 'none' }
  },
  arithmetic: ({ targets }, name) => {
    const actual = targets.coreml.get(name)
    return actual && { expected: packaged(actual), actual: packaged(actual), rounding: 'fp16' }
  },
  total: ({ targets, exact }, name) => {
    const [expected, actual] = [exact.get(name), targets.coreml.get(name)]
    return expected && actual && { expected: packaged(expected), actual: packaged(actual), rounding: 'fp16' }
  },
}

interface Below {
  readonly module: string
  readonly value: string
  readonly psnr: number
  readonly problem?: string
}

async function firstBelow(
  { expected, actual, rounding }: Pair,
  inputs: Tensors,
  gate: number,
  runtime: OnnxRuntime,
): Promise<Below | undefined> {
  const others = lastValues(actual.graph)
  const modules = [...lastValues(expected.graph)].flatMap(([module, value]) => {
    const other = others.get(module)
    return other && (sameShape(value.type, other.type) || isChannelForm(value.type, other.type)) ? [{ module, value, other }] : []
  })
  const references = await probe(
    expected,
    modules.map(({ value }) => value),
    'none',
    inputs,
    runtime,
  )
  const results = await probe(
    actual,
    modules.map(({ other }) => other),
    rounding,
    inputs,
    runtime,
  )
  for (const [i, { module, value }] of modules.entries()) {
    const [reference, result] = [references[i], results[i]]
    if (!reference || !result) continue
    const plain = sameShape(reference, result)
      ? result
      : transposeConstant(reshapeConstant(result, result.shape.toSpliced(2, 1)), [0, 2, 1])
    const difference = compareSamples([{ reference, actual: plain }])
    if (difference.psnr < gate) return { ...difference, module, value: value.name }
  }
  return undefined
}

/** The last value that floats of each module, in the order in which the modules end. */
function lastValues(graph: Graph): Map<string, Value> {
  const last = new Map<string, Value>()
  for (const { origin, outputs } of graph.ops) {
    const [value] = outputs
    if (!origin.module || !value || constantOf(value) || !isFloat(value.type.dtype)) continue
    last.delete(origin.module)
    last.set(origin.module, value)
  }
  return last
}

const sameShape = (a: Pick<TensorType, 'shape'>, b: Pick<TensorType, 'shape'>): boolean => a.shape.join() === b.shape.join()

/** [B, C, 1, S] for [B, S, C]. */
const isChannelForm = ({ shape: [b, s, c, ...more] }: TensorType, { shape }: TensorType): boolean =>
  more.length === 0 && c !== undefined && shape.join() === [b, c, 1, s].join()

/** What values inside a graph are, in their order. */
async function probe(
  side: Side,
  values: readonly Value[],
  rounding: Pair['rounding'],
  inputs: Tensors,
  runtime: OnnxRuntime,
): Promise<readonly (Constant | undefined)[]> {
  const names = values.map((_, i) => `probe_${i}`)
  const session = await runtime.open({ ...side.graph, outputs: values.map((value, i) => ({ name: `probe_${i}`, value })) }, { rounding })
  try {
    const outputs = await session.run(fittingInputs(side, inputs))
    return names.map(name => outputs[name])
  } finally {
    await session.close()
  }
}
