import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { byteSize, bytesOf, type Constant, type Graph, readAll, sizeOf } from '@silane/core'
import { DataFile, type DataPlace } from './data-file.ts'
import type { Initializer } from './emitter.ts'
import { errors } from './errors.ts'
import {
  Attribute_Type,
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
import { storedConstant } from './stored-constant.ts'

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
  /** A file of the folder, by its name, in which the bytes of a constant stand already: they are not written again. */
  readonly standing?: (constant: Constant) => DataPlace | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((bytes: number) => void) | undefined
}

export interface WrittenOnnx {
  readonly file: string
  readonly opset: number
  readonly bytes: number
  readonly sha256: string
}

export interface WrittenProgram {
  readonly files: readonly WrittenOnnx[]
  /** The weights, unless they stand in the file itself, and the offset of each by `dataKey`. */
  readonly data?: { readonly file: string; readonly bytes: number; readonly offsets: ReadonlyMap<string, number> }
}

/** An initializer and what is stored for it. */
interface Stored extends Initializer {
  readonly stored: Constant
}

/**
 * Writes graphs, functions of one program as a rule, as ONNX files of a folder. Large weights are streamed to one data file
 * that all share. Throws E_ONNX_SPELLING and E_ONNX_DISK, and leaves no file behind then.
 */
export async function writeOnnx(
  graphs: readonly { readonly graph: Graph; readonly file: string }[],
  options: WriteOnnxOptions,
): Promise<WrittenProgram> {
  const { folder, dataFile, weights = 'fp32', rounding = 'none', idType = 'int64', standing, signal, onProgress } = options
  const lowered = graphs.map(({ graph, file }) => {
    const { graph: nodes, initializers } = lowerGraph(graph, { rounding, idType })
    return {
      file,
      graph: nodes,
      initializers: initializers.map((given): Stored => ({ ...given, stored: storedConstant(given.constant, weights) })),
    }
  })
  const total = lowered.flatMap(({ initializers }) => initializers).reduce((sum, { stored }) => sum + bytesIn(stored), 0)
  const inline = options.external !== true && graphs.length === 1 && total < INLINE_BYTES
  const data = new DataFile(join(folder, dataFile), signal)
  try {
    const files: WrittenOnnx[] = []
    for (const { file, graph, initializers } of lowered) {
      signal?.throwIfAborted()
      const initializer: Tensor[] = []
      for (const { name, constant, stored } of initializers) {
        const own = stored === constant ? name : narrowName(name)
        const small = inline || bytesIn(stored) < SMALL_BYTES
        initializer.push(small ? inlineTensor(own, stored) : externalTensor(own, stored, standing?.(stored) ?? (await data.add(stored))))
        onProgress?.(bytesIn(stored))
      }
      const widened = initializers.filter(({ constant, stored }) => stored !== constant).map(({ name }) => widening(name))
      files.push(writeModel(join(folder, file), file, { ...graph, node: [...widened, ...graph.node], initializer }))
    }
    data.close()
    return data.size === 0 ? { files } : { files, data: { file: dataFile, bytes: data.size, offsets: data.offsets } }
  } catch (error) {
    data.close()
    for (const file of [dataFile, ...graphs.map(({ file }) => file)]) rmSync(join(folder, file), { force: true })
    throw error
  }
}

const bytesIn = ({ shape, dtype }: Constant): number => sizeOf(shape) * byteSize(dtype)

/** What is stored in fp16 goes under another name and is cast to its own. */
const narrowName = (name: string): string => `${name}_fp16`
const widening = (name: string): Node =>
  create(NodeSchema, {
    opType: 'Cast',
    name: narrowName(name),
    input: [narrowName(name)],
    output: [name],
    attribute: [{ name: 'to', type: Attribute_Type.INT, i: BigInt(onnxTypes.fp32) }],
  })

const tensorOf = (name: string, { dtype, shape }: Constant): Tensor =>
  create(TensorSchema, { name, dataType: onnxTypes[dtype], dims: shape.map(BigInt) })

const inlineTensor = (name: string, constant: Constant): Tensor => ({ ...tensorOf(name, constant), rawData: bytesOf(readAll(constant)) })

function externalTensor(name: string, constant: Constant, { file, offset }: DataPlace): Tensor {
  const entries = { location: file, offset: String(offset), length: String(bytesIn(constant)) }
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
