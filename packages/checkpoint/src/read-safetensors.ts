import { byteSize, type Constant, type DType, isJsonObject, type Json, parseJson, sizeOf } from '@silane/core'
import type { ByteSource } from './byte-source.ts'
import { errors } from './errors.ts'
import { fileTensor } from './file-tensor.ts'
import { type Float8, float8Tensor } from './float8.ts'
import type { WeightsFile } from './weights-file.ts'

/** The length of the header that stands in front of it. */
export const LENGTH_BYTES = 8

/** The bound of the format's reference implementation. */
export const MAX_HEADER_BYTES = 100_000_000

/**
 * Tensors of a file, and of all files of a checkpoint together. A header within its bound can name about 1.5 million; the largest models,
 * with matrices and scales for hundreds of experts in each layer, have 210,000. This many take some seconds and a gigabyte of memory.
 */
export const MAX_TENSORS = 300_000

/** NumPy's bound and PyTorch's; no weight has more than 6. */
const MAX_RANK = 64

/**
 * Characters of a tensor's name, as of one in a pickle. Names of modules have less than 150, and each is held against dozens of patterns;
 * a header has room for one of 100 MB.
 */
const MAX_NAME = 512

/** The prefix of a Git LFS pointer, which takes the place of a file that was not pulled. */
const LFS_PREFIX = 'version https://git-lfs'

const dtypes: Readonly<Record<string, DType>> = {
  F64: 'fp64',
  F32: 'fp32',
  F16: 'fp16',
  BF16: 'bf16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
}

const floats8: Readonly<Record<string, Float8>> = { F8_E4M3: 'fp8_e4m3', F8_E5M2: 'fp8_e5m2' }

const lookUp = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/** What tensors of this element type are read from: bytes where the core has no such type. */
const storageOf = (dtype: string): DType | undefined => lookUp(dtypes, dtype) ?? (lookUp(floats8, dtype) && 'uint8')

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** Reads the header of a safetensors file. As in the reference implementation, tensors must fill the file without overlaps and holes. */
export function readSafetensors(file: ByteSource): WeightsFile {
  const { data, header } = readHeader(file)
  const entries = readEntries(file, header)
  checkPlaces(file, entries, file.size - data)
  const tensors = new Map<string, Constant>()
  return {
    ahead: data,
    names: [...entries.keys()],
    tensor: name => {
      const entry = entries.get(name)
      if (!entry) return undefined
      const known = tensors.get(name)
      if (known) return known
      const storage = storageOf(entry.dtype)
      if (!storage) throw errors.E_TENSOR_DTYPE({ file: file.name, tensor: name, dtype: entry.dtype, where: file.where })
      const elements = fileTensor(file, data + entry.begin, storage, entry.shape)
      const format = lookUp(floats8, entry.dtype)
      const tensor = format ? float8Tensor(elements, format) : elements
      tensors.set(name, tensor)
      return tensor
    },
    stored: name => {
      const entry = entries.get(name)
      if (!entry) return undefined
      const dtype = lookUp(dtypes, entry.dtype) ?? lookUp(floats8, entry.dtype) ?? entry.dtype
      return { dtype, shape: entry.shape, bytes: entry.end - entry.begin }
    },
  }
}

function readHeader(file: ByteSource): { data: number; header: { readonly [key: string]: Json } } {
  const at = { file: file.name, where: file.where }
  const truncated = (part: string, needed: number) => errors.E_SAFETENSORS_TRUNCATED({ ...at, size: file.size, part, needed })
  if (file.size < LENGTH_BYTES) throw truncated('the length of the header', LENGTH_BYTES)
  const start = file.read(0, Math.min(file.size, LFS_PREFIX.length))
  if (new TextDecoder().decode(start) === LFS_PREFIX) throw errors.E_LFS_POINTER(at)
  const length = new DataView(start).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw errors.E_SAFETENSORS_LIMIT({ ...at, what: 'the length of the header', actual: Number(length), limit: MAX_HEADER_BYTES })
  }
  const data = LENGTH_BYTES + Number(length)
  if (data > file.size) throw truncated('the header', data)
  const bytes = new Uint8Array(file.read(LENGTH_BYTES, Number(length)))
  if (bytes[0] !== 0x7b) throw errors.E_SAFETENSORS_HEADER({ ...at, problem: 'it does not begin with "{"' })
  const header = parseJson(bytes, { file: `the header of ${file.name}`, where: file.where })
  if (!isJsonObject(header)) throw errors.E_SAFETENSORS_HEADER({ ...at, problem: 'it is not an object' })
  return { data, header }
}

/** The tensors by name, in the order in which they stand in the file. A Map, so that no name means anything to the language. */
function readEntries(file: ByteSource, header: { readonly [key: string]: Json }): Map<string, Entry> {
  const named = Object.entries(header).filter(([name]) => name !== '__metadata__')
  if (named.length > MAX_TENSORS) {
    throw errors.E_SAFETENSORS_LIMIT({
      file: file.name,
      what: 'the number of tensors',
      actual: named.length,
      limit: MAX_TENSORS,
      where: file.where,
    })
  }
  const entries = named.map(([name, value]): [string, Entry] => [name, readEntry(file, name, value)])
  return new Map(entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end))
}

function readEntry(file: ByteSource, tensor: string, value: Json): Entry {
  const broken = (problem: string) =>
    errors.E_SAFETENSORS_TENSOR({ file: file.name, tensor: tensor.slice(0, MAX_NAME), problem, where: file.where })
  if (tensor.length > MAX_NAME) throw broken(`its name has ${tensor.length} characters; the limit is ${MAX_NAME}`)
  if (!isJsonObject(value)) throw broken('it is not an object')
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string') throw broken('"dtype" is not a string')
  if (!isCounts(shape)) throw broken('"shape" is not a list of whole numbers from 0 on')
  if (shape.length > MAX_RANK) throw broken(`its rank is ${shape.length}; the limit is ${MAX_RANK}`)
  if (!Number.isSafeInteger(sizeOf(shape))) throw broken(`the shape [${shape}] has more elements than can be counted`)
  if (!isCounts(offsets) || offsets.length !== 2) throw broken('"data_offsets" is not a pair of whole numbers from 0 on')
  const [begin = 0, end = 0] = offsets
  return { dtype, shape, begin, end }
}

const isCounts = (value: Json | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && item >= 0)

function checkPlaces(file: ByteSource, entries: ReadonlyMap<string, Entry>, size: number): void {
  let previous = 0
  for (const [tensor, { dtype, shape, begin, end }] of entries) {
    const wrong = (problem: string) => errors.E_SAFETENSORS_OFFSETS({ file: file.name, tensor, problem, where: file.where })
    if (end < begin) throw wrong(`it ends at ${end}, before it begins at ${begin}`)
    // An element type of the future has a size that is not known here; its tensor can only be skipped.
    const known = storageOf(dtype)
    const needed = known ? byteSize(known) * sizeOf(shape) : end - begin
    if (end - begin !== needed) throw wrong(`[${shape}] of ${dtype} takes ${needed} bytes, it has ${end - begin}`)
    if (begin < previous) throw wrong(`it begins at ${begin}, inside the tensor before it, which ends at ${previous}`)
    if (begin > previous) throw wrong(`it begins at ${begin}, but the tensor before it ends at ${previous}`)
    previous = end
  }
  if (previous > size) {
    throw errors.E_SAFETENSORS_TRUNCATED({
      file: file.name,
      size: file.size,
      needed: file.size - size + previous,
      part: 'its content',
      where: file.where,
    })
  }
  if (previous < size) {
    throw errors.E_SAFETENSORS_HEADER({ file: file.name, problem: `${size - previous} bytes belong to no tensor`, where: file.where })
  }
}
