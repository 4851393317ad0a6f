import {
  type Constant,
  constantOf,
  type Graph,
  isFloat,
  type Line,
  type Origin,
  own,
  reshapeConstant,
  rewriteTo,
  type Tensors,
  type TensorType,
  transposeConstant,
  type Value,
} from '@silane/core'
import { compareSamples, type OnnxRuntime } from '@silane/runtime'
import { describeTensors } from '../convert/describe-tensors.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import { fittingInputs, type StageFunction } from './stage-calls.ts'

/** Two graphs of one function, of which the second loses something. */
export interface Pair {
  readonly expected: Side
  readonly actual: Side
  readonly rounding: 'none' | 'fp16'
}

type Side = Pick<StageFunction, 'graph' | 'ports' | 'pictures'>

const sideOf = (graph: Graph): Side => ({ graph, ports: describeTensors(graph, 'coreml') })
const packaged = (graph: Graph): Side => ({ ...sideOf(graph), pictures: true })

/** The graphs behind the lines that compare graphs. The package read back has no origins; the graph written to it has. */
export const pairs: Readonly<Partial<Record<Line, (program: RewrittenProgram, name: string) => Pair | undefined>>> = {
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

/** How far the two graphs of a pair are apart at the end of a part. */
export interface Difference {
  /** What `partOf` calls it. */
  readonly part: string
  /** The value that was compared. */
  readonly value: string
  readonly psnr: number
  readonly problem?: string
}

/**
 * The last value of each part of the model, compared between the two graphs as far as its shape is the same or the channel form of the
 * same, in the order in which the parts end. `partOf` tells the part of an op by where it comes from; undefined: none.
 */
export async function differences(
  { expected, actual, rounding }: Pair,
  partOf: (origin: Origin) => string | undefined,
  inputs: Tensors,
  runtime: OnnxRuntime,
): Promise<readonly Difference[]> {
  const others = lastValues(actual.graph, partOf)
  const parts = [...lastValues(expected.graph, partOf)].flatMap(([part, value]) => {
    const other = others.get(part)
    return other && (sameShape(value.type, other.type) || isChannelForm(value.type, other.type)) ? [{ part, value, other }] : []
  })
  if (parts.length === 0) return []
  const of = (side: Side, key: 'value' | 'other', how: Pair['rounding']) =>
    probe(
      side,
      parts.map(part => part[key]),
      how,
      inputs,
      runtime,
    )
  const references = await of(expected, 'value', 'none')
  const results = await of(actual, 'other', rounding)
  return parts.flatMap(({ part, value }, i) => {
    const [reference, result] = [references[i], results[i]]
    if (!reference || !result) return []
    const plain = sameShape(reference, result)
      ? result
      : transposeConstant(reshapeConstant(result, result.shape.toSpliced(2, 1)), [0, 2, 1])
    return [{ ...compareSamples([{ reference, actual: plain }]), part, value: value.name }]
  })
}

/** The last value that floats of each part, in the order in which the parts end. */
export function lastValues(graph: Graph, partOf: (origin: Origin) => string | undefined): Map<string, Value> {
  const last = new Map<string, Value>()
  for (const { origin, outputs } of graph.ops) {
    const [value] = outputs
    const part = partOf(origin)
    if (part === undefined || !value || constantOf(value) || !isFloat(value.type.dtype)) continue
    last.delete(part)
    last.set(part, value)
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
    return names.map(name => own(outputs, name))
  } finally {
    await session.close()
  }
}
