import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { byteSize, bytesOf, type Constant, type Graph, readAll, sizeOf } from '@silane/core'
import { DataFile, storedConstant } from './data-file.ts'
import type { Initializer } from './emitter.ts'
import { errors } from './errors.ts'
import {
  EntrySchema,
  ModelSchema,
  type Node,
  NodeSchema,
  type Graph as OnnxGraph,
  type Tensor,
  Tensor_Location,
  TensorSchema,
} from './gen/onnx_pb.ts'
import { type LowerOptions, lowerGraph } from './lower-graph.ts'
import { onnxTypes } from './onnx-types.ts'

/** The operator set written: LayerNormalization and Gelu are operators in it. */
export const ONNX_OPSET = 20
const IR_VERSION = 10

/** Weights up to this stand in the file of a single function; more, or several functions, share a data file. */
const INLINE_BYTES = 100 * 1000 * 1000

/** A tensor smaller than this stands in the file itself: shapes and scalars are read while the graph is loaded. */
const SMALL_BYTES = 1024

export interface WriteOnnxOptions extends Partial<LowerOptions> {
  readonly folder: string
  /** Name of the data file in the folder. */
  readonly dataFile: string
  /** How weights are stored. They are float32 when loaded. */
  readonly weights?: 'fp32' | 'fp16'
  /** `true`: weights go to the data file however small they are. */
  readonly external?: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((bytes: number) => void) | undefined
}

export interface WrittenOnnx {
  readonly file: string
  readonly opset: number
  readonly bytes: number
  readonly sha256: string
}

/**
 * Writes graphs, functions of one program as a rule, as ONNX files of a folder. Large weights are streamed to one data file
 * that all share. Throws E_ONNX_SPELLING and E_ONNX_DISK.
 */
export function writeOnnx(
  graphs: readonly { readonly graph: Graph; readonly file: string }[],
  options: WriteOnnxOptions,
): { readonly files: readonly WrittenOnnx[]; readonly data?: { readonly file: string; readonly bytes: number; readonly sha256: string } } {
  const { folder, dataFile, weights = 'fp32', rounding = 'none', idType = 'int64', signal, onProgress } = options
  const lowered = graphs.map(({ graph, file }) => ({ file, ...lowerGraph(graph, { rounding, idType }) }))
  const total = lowered.flatMap(({ initializers }) => initializers).reduce((sum, { constant }) => sum + storedBytes(constant, weights), 0)
  const inline = options.external !== true && graphs.length === 1 && total < INLINE_BYTES
  const data = new DataFile(join(folder, dataFile), signal)
  try {
    const files = lowered.map(({ file, graph, initializers }) => {
      const { widened, tensors } = storeAll(initializers, { weights, inline, data, onProgress })
      return writeModel(join(folder, file), file, { ...graph, node: [...widened, ...graph.node], initializer: tensors })
    })
    const { bytes, sha256 } = data.close()
    return bytes === 0 ? { files } : { files, data: { file: dataFile, bytes, sha256 } }
  } catch (error) {
    data.close()
    for (const file of [dataFile, ...graphs.map(({ file }) => file)]) rmSync(join(folder, file), { force: true })
    throw error
  }
}

const storedBytes = (constant: Constant, weights: 'fp32' | 'fp16'): number =>
  sizeOf(constant.shape) * byteSize(storedConstant(constant, weights).dtype)

interface Store {
  readonly weights: 'fp32' | 'fp16'
  readonly inline: boolean
  readonly data: DataFile
  readonly onProgress: ((bytes: number) => void) | undefined
}

/** Initializers with their data; those stored in fp16 go under another name and are cast to their own. */
function storeAll(initializers: readonly Initializer[], { weights, inline, data, onProgress }: Store) {
  const tensors: Tensor[] = []
  const widened: Node[] = []
  for (const { name, constant } of initializers) {
    const stored = storedConstant(constant, weights)
    const narrowed = stored !== constant
    const own = narrowed ? `${name}_fp16` : name
    if (narrowed)
      widened.push(
        create(NodeSchema, {
          opType: 'Cast',
          name: own,
          input: [own],
          output: [name],
          attribute: [{ name: 'to', type: 2, i: BigInt(onnxTypes.fp32) }],
        }),
      )
    const bytes = storedBytes(constant, weights)
    tensors.push(inline || bytes < SMALL_BYTES ? inlineTensor(own, stored) : externalTensor(own, stored, data))
    onProgress?.(bytes)
  }
  return { tensors, widened }
}

const tensorOf = (name: string, { dtype, shape }: Constant): Tensor =>
  create(TensorSchema, { name, dataType: onnxTypes[dtype], dims: shape.map(BigInt) })

const inlineTensor = (name: string, constant: Constant): Tensor => ({ ...tensorOf(name, constant), rawData: bytesOf(readAll(constant)) })

function externalTensor(name: string, constant: Constant, data: DataFile): Tensor {
  const { offset, length } = data.add(constant)
  const entries = { location: basename(data.path), offset: String(offset), length: String(length) }
  return create(TensorSchema, {
    ...tensorOf(name, constant),
    dataLocation: Tensor_Location.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => create(EntrySchema, { key, value })),
  })
}

function writeModel(path: string, file: string, graph: OnnxGraph): WrittenOnnx {
  const model = create(ModelSchema, {
    irVersion: BigInt(IR_VERSION),
    producerName: 'silane',
    opsetImport: [{ domain: '', version: BigInt(ONNX_OPSET) }],
    graph,
  })
  const bytes = toBinary(ModelSchema, model)
  try {
    writeFileSync(path, bytes)
  } catch (cause) {
    throw errors.E_ONNX_DISK({ file: path, problem: (cause as Error).message }, { cause })
  }
  return { file, opset: ONNX_OPSET, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
