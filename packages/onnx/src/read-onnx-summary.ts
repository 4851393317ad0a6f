import { closeSync, fstatSync, openSync } from 'node:fs'
import { byteSize, type DType } from '@silane/core'
import { type OnnxContents, sortCounts } from './count-contents.ts'
import { errors } from './errors.ts'
import { onnxTypes } from './onnx-types.ts'
import { type WireField, WireReader } from './wire-reader.ts'

/** Bounds on what is kept of a file; real models stay far below. */
const MAX_OPERATORS = 10_000
const MAX_PORTS = 10_000
const MAX_RANK = 64
const MAX_INITIALIZERS = 1_000_000
const MAX_DATA_FILES = 10_000

export interface OnnxTensor {
  readonly name: string
  readonly dtype: string
  /** Named dimensions stay names. */
  readonly shape: readonly (number | string)[]
}

export interface OnnxSummary extends OnnxContents {
  readonly producer: string
  readonly opset: number
  /** Of the file itself. */
  readonly bytes: number
  readonly inputs: readonly OnnxTensor[]
  readonly outputs: readonly OnnxTensor[]
  /** Files that hold weights beside it, as it names them. */
  readonly dataFiles: readonly string[]
}

/** What an ONNX file holds, without loading its weights. Throws E_ONNX_FILE. */
export function readOnnxSummary(file: string): OnnxSummary {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const { size } = fstatSync(descriptor)
    return { ...readModel(new WireReader(descriptor, size)), bytes: size }
  } catch (cause) {
    throw errors.E_ONNX_FILE({ file, problem: (cause as Error).message }, { cause })
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const keep = <T>(list: T[], item: T, most: number, what: string): void => {
  if (list.push(item) > most) throw new TypeError(`it has more than ${most} ${what}`)
}

function readModel(reader: WireReader): Omit<OnnxSummary, 'bytes'> {
  const producer: Record<number, string> = {}
  let opset = 0
  let graph: ReturnType<typeof readGraph> | undefined
  for (const field of reader.fields()) {
    if (field.number === 2 || field.number === 3) producer[field.number] = reader.text(field)
    if (field.number === 7) graph = readGraph(reader, field)
    if (field.number === 8) opset = readOpset(reader, field) ?? opset
  }
  if (!graph) throw new TypeError('it has no graph')
  return { producer: [producer[2], producer[3]].filter(Boolean).join(' '), opset, ...graph }
}

/** The version of ONNX's own operators; nothing for those of others. */
function readOpset(reader: WireReader, { start, end }: WireField): number | undefined {
  let domain = ''
  let version: number | undefined
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) domain = reader.text(field)
    if (field.number === 2) version = field.value
  }
  return domain === '' || domain === 'ai.onnx' ? version : undefined
}

function readGraph(reader: WireReader, { start, end }: WireField): Omit<OnnxSummary, 'bytes' | 'producer' | 'opset'> {
  const counts = new Map<string, number>()
  const [inputs, outputs]: [OnnxTensor[], OnnxTensor[]] = [[], []]
  const initial = new Set<string>()
  const dataFiles = new Set<string>()
  let [initializers, weightBytes] = [0, 0]
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) {
      const kind = operatorOf(reader, field)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      if (counts.size > MAX_OPERATORS) throw new TypeError(`it has more than ${MAX_OPERATORS} kinds of operators`)
    }
    if (field.number === 5) {
      const { name, bytes, location } = readInitializer(reader, field)
      initial.add(name)
      if (location !== undefined) dataFiles.add(location)
      if (dataFiles.size > MAX_DATA_FILES) throw new TypeError(`it has more than ${MAX_DATA_FILES} data files`)
      weightBytes += bytes
      if (++initializers > MAX_INITIALIZERS) throw new TypeError(`it has more than ${MAX_INITIALIZERS} initializers`)
    }
    if (field.number === 11) keep(inputs, readPort(reader, field), MAX_PORTS, 'inputs')
    if (field.number === 12) keep(outputs, readPort(reader, field), MAX_PORTS, 'outputs')
  }
  return {
    // Files of old list their weights among the inputs.
    inputs: inputs.filter(({ name }) => !initial.has(name)),
    outputs,
    dataFiles: [...dataFiles].sort(),
    ops: sortCounts(counts),
    initializers,
    weightBytes,
  }
}

function operatorOf(reader: WireReader, { start, end }: WireField): string {
  let [kind, domain] = ['', '']
  for (const field of reader.fields(start, end)) {
    if (field.number === 4) kind = reader.text(field)
    if (field.number === 7) domain = reader.text(field)
  }
  return domain === '' || domain === 'ai.onnx' ? kind : `${domain}.${kind}`
}

interface Initializer {
  readonly name: string
  readonly bytes: number
  /** The file that holds its elements, where that is another one. */
  readonly location: string | undefined
}

function readInitializer(reader: WireReader, { start, end }: WireField): Initializer {
  const dims: number[] = []
  let name = ''
  let location: string | undefined
  let type = 0
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) for (const dim of reader.integers(field)) keep(dims, dim, MAX_RANK, 'dimensions in an initializer')
    if (field.number === 2) type = field.value
    if (field.number === 8) name = reader.text(field)
    if (field.number === 13) location = readLocation(reader, field) ?? location
  }
  const dtype = typeNames.get(type)
  const bytes = dims.reduce((product, dim) => product * dim, dtype ? byteSize(dtype) : 0)
  if (!Number.isSafeInteger(bytes) || dims.some(dim => dim < 0)) throw new TypeError(`the initializer "${name}" has the shape [${dims}]`)
  return { name, bytes, location }
}

/** The value of an entry of `external_data`, if it is the one that names the file. */
function readLocation(reader: WireReader, { start, end }: WireField): string | undefined {
  let [key, value] = ['', '']
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) key = reader.text(field)
    if (field.number === 2) value = reader.text(field)
  }
  return key === 'location' ? value : undefined
}

const typeNames = new Map(Object.entries(onnxTypes).map(([dtype, number]) => [number, dtype as DType]))

/** An input or output: its name and, through TypeProto and its tensor type, the element type and the dimensions. */
function readPort(reader: WireReader, { start, end }: WireField): OnnxTensor {
  let name = ''
  let type: Omit<OnnxTensor, 'name'> = { dtype: 'unknown', shape: [] }
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) name = reader.text(field)
    if (field.number === 2) for (const of of reader.fields(field.start, field.end)) if (of.number === 1) type = readTensorType(reader, of)
  }
  return { name, ...type }
}

function readTensorType(reader: WireReader, { start, end }: WireField): Omit<OnnxTensor, 'name'> {
  let dtype = 'unknown'
  const shape: (number | string)[] = []
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) dtype = typeNames.get(field.value) ?? 'unknown'
    if (field.number === 2)
      for (const dim of reader.fields(field.start, field.end))
        if (dim.number === 1) keep(shape, readDimension(reader, dim), MAX_RANK, 'dimensions in one tensor')
  }
  return { dtype, shape }
}

function readDimension(reader: WireReader, { start, end }: WireField): number | string {
  let size: number | string = '?'
  for (const field of reader.fields(start, end)) {
    if (field.number === 1) size = field.value
    if (field.number === 2) size = reader.text(field)
  }
  return size
}
