import { readFileSync, statSync } from 'node:fs'
import { fromBinary } from '@bufbuild/protobuf'
import { errors } from './errors.ts'
import { type Model, ModelSchema, type ValueInfo } from './gen/onnx_pb.ts'
import { onnxTypes } from './onnx-types.ts'

/** A protobuf message ends at 2 GiB; larger models keep their weights outside. */
const MAX_FILE_BYTES = 2 ** 31 - 1

export interface OnnxTensor {
  readonly name: string
  readonly dtype: string
  /** Named dimensions stay names. */
  readonly shape: readonly (number | string)[]
}

export interface OnnxSummary {
  readonly producer: string
  readonly opset: number
  readonly bytes: number
  readonly inputs: readonly OnnxTensor[]
  readonly outputs: readonly OnnxTensor[]
  /** Nodes by operator, most frequent first. */
  readonly ops: Readonly<Record<string, number>>
  readonly initializers: number
}

/** What an ONNX file holds, without its weights. Throws E_ONNX_FILE. */
export function readOnnxSummary(file: string): OnnxSummary {
  const { size } = statSync(file)
  if (size > MAX_FILE_BYTES) throw errors.E_ONNX_FILE({ file, problem: `${size} bytes are more than a protobuf message may have` })
  let model: Model
  try {
    model = fromBinary(ModelSchema, readFileSync(file))
  } catch (cause) {
    throw errors.E_ONNX_FILE({ file, problem: 'it is no protobuf message of this kind' }, { cause })
  }
  if (!model.graph) throw errors.E_ONNX_FILE({ file, problem: 'it has no graph' })
  const counts = new Map<string, number>()
  for (const { opType } of model.graph.node) counts.set(opType, (counts.get(opType) ?? 0) + 1)
  const initial = new Set(model.graph.initializer.map(({ name }) => name))
  return {
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    opset: Number(model.opsetImport.find(({ domain }) => domain === '')?.version ?? 0),
    bytes: size,
    inputs: model.graph.input.filter(({ name }) => !initial.has(name)).map(describe),
    outputs: model.graph.output.map(describe),
    ops: Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))),
    initializers: model.graph.initializer.length,
  }
}

const typeNames = new Map(Object.entries(onnxTypes).map(([dtype, number]) => [number, dtype]))

function describe({ name, type }: ValueInfo): OnnxTensor {
  const tensor = type?.value.value
  const dims = tensor?.shape?.dim ?? []
  return {
    name,
    dtype: typeNames.get(tensor?.elemType ?? 0) ?? 'unknown',
    shape: dims.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : (value.value ?? '?'))),
  }
}
