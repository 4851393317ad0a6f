import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { bytesOf, type Constant, FiniteCheck, type FiniteConstants, type Graph, type NonFinite, readAll } from '@silane/core'
import { bytesIn, countContents, type OnnxContents } from './count-contents.ts'
import { DataFile, type DataPlace } from './data-file.ts'
import { errors } from './errors.ts'
import { EntrySchema, ModelSchema, type Graph as OnnxGraph, type Tensor, Tensor_Location, TensorSchema } from './gen/onnx_pb.ts'
import type { LowerOptions } from './lower-graph.ts'
import { onnxTypes } from './onnx-types.ts'
import { storeGraph } from './store-graph.ts'

/** The operator set written: LayerNormalization and Gelu are operators in it. */
export const ONNX_OPSET = 20
const IR_VERSION = 10

/** Weights up to this stand in the file of a single function; more, or several functions, share a data file. */
const INLINE_BYTES = 100 * 1000 * 1000

/** A tensor smaller than this stands in the file itself: shapes and scalars are read while the graph is loaded. */
const SMALL_BYTES = 1024

/** A list of integers says what an op does, such as the sizes of a split's parts: onnxruntime reads it no later, and from no other file. */
const isList = ({ dtype, shape }: Constant): boolean => dtype === 'int64' && shape.length === 1

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
  /** Constants that are known to be finite; those that turn out to be are added. */
  readonly finite?: FiniteConstants | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((bytes: number) => void) | undefined
}

export interface WrittenOnnx extends OnnxContents {
  readonly file: string
  readonly opset: number
  readonly bytes: number
  readonly sha256: string
}

export interface WrittenProgram {
  readonly files: readonly WrittenOnnx[]
  /** The weights, unless they stand in the file itself, and the offset of each by `dataKey`. */
  readonly data?: { readonly file: string; readonly bytes: number; readonly offsets: ReadonlyMap<string, number> }
  /** Constants that hold infinities or NaN as they were written, by name of file and initializer: `model.onnx: layer_0_weight`. */
  readonly nonFinite: readonly NonFinite[]
}

/**
 * Writes graphs, functions of one program as a rule, as ONNX files of a folder. Large weights are streamed to one data file
 * that all share. Throws E_ONNX_SPELLING and E_ONNX_DISK, and leaves no file behind then.
 */
export async function writeOnnx(
  graphs: readonly { readonly graph: Graph; readonly file: string }[],
  options: WriteOnnxOptions,
): Promise<WrittenProgram> {
  const { folder, dataFile, weights = 'fp32', rounding = 'none', idType = 'int64', standing, finite, signal, onProgress } = options
  const lowered = graphs.map(({ graph, file }) => {
    return { file, ...storeGraph(graph, { rounding, idType, weights }) }
  })
  const total = lowered.flatMap(({ initializers }) => initializers).reduce((sum, { constant }) => sum + bytesIn(constant), 0)
  const inline = options.external !== true && graphs.length === 1 && total < INLINE_BYTES
  const data = new DataFile(join(folder, dataFile), { signal, finite })
  const inlined: NonFinite[] = []
  try {
    const files: WrittenOnnx[] = []
    for (const { file, graph, initializers } of lowered) {
      signal?.throwIfAborted()
      const initializer: Tensor[] = []
      for (const { name, constant } of initializers) {
        const small = inline || bytesIn(constant) < SMALL_BYTES || isList(constant)
        const label = `${file}: ${name}`
        if (small) {
          const elements = readAll(constant)
          const check = new FiniteCheck(constant)
          check.see(elements)
          inlined.push(...check.found(label))
          initializer.push({ ...tensorOf(name, constant), rawData: bytesOf(elements) })
        } else initializer.push(externalTensor(name, constant, standing?.(constant) ?? (await data.add(constant, label))))
        onProgress?.(bytesIn(constant))
      }
      const written = writeModel(join(folder, file), { ...graph, initializer })
      files.push({ file, opset: ONNX_OPSET, ...written, ...countContents({ graph, initializers }) })
    }
    data.close()
    const nonFinite = [...inlined, ...data.nonFinite]
    return data.size === 0 ? { files, nonFinite } : { files, nonFinite, data: { file: dataFile, bytes: data.size, offsets: data.offsets } }
  } catch (error) {
    data.close()
    for (const file of [dataFile, ...graphs.map(({ file }) => file)]) rmSync(join(folder, file), { force: true })
    throw error
  }
}

const tensorOf = (name: string, { dtype, shape }: Constant): Tensor =>
  create(TensorSchema, { name, dataType: onnxTypes[dtype], dims: shape.map(BigInt) })

function externalTensor(name: string, constant: Constant, { file, offset }: DataPlace): Tensor {
  const entries = { location: file, offset: String(offset), length: String(bytesIn(constant)) }
  return create(TensorSchema, {
    ...tensorOf(name, constant),
    dataLocation: Tensor_Location.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => create(EntrySchema, { key, value })),
  })
}

function writeModel(path: string, graph: OnnxGraph): Pick<WrittenOnnx, 'bytes' | 'sha256'> {
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
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
