import { type Constant, sizeOf } from '@silane/core'
import { errors } from '../errors.ts'
import { float8Tensor } from '../float8.ts'
import type { RandomAccessFile } from '../random-access-file.ts'
import type { WeightsFile } from '../weights-file.ts'
import { ByteReader } from './byte-reader.ts'
import type { PickleStorage, PickleTensor, PickleValue } from './pickle-value.ts'
import { readPickle } from './read-pickle.ts'
import { readZip } from './read-zip.ts'
import { Malformed } from './rebuild.ts'
import { stateDict } from './state-dict.ts'
import { stridedTensor } from './strided-tensor.ts'

/** The number that begins the format of PyTorch before 1.6. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_VERSION = 1001

/**
 * Bytes that all tensors of a file may have, as parts of the file's size and beside it. Tensors that are views of one memory, or repeat
 * what it holds, are together larger than their file: tied and transposed weights by a small factor, ids of positions by little. A file
 * of some kilobytes must not stand for gigabytes.
 */
const MAX_FACTOR = 8
const MAX_REPEATED_BYTES = 256 << 20

/** Reads what torch.save wrote: the pickle and the places of the storages, but not their elements. */
export function readTorch(file: RandomAccessFile): WeightsFile {
  const wrong = (problem: string) => errors.E_TORCH_FORMAT({ file: file.name, problem, where: file.where })
  const start = new Uint8Array(file.read(0, Math.min(file.size, 264)))
  const text = new TextDecoder('latin1').decode(start)
  if (text.startsWith('version https://git-lfs')) throw errors.E_LFS_POINTER({ file: file.name, where: file.where })
  if (text.slice(257, 262) === 'ustar') throw wrong('it has the format of PyTorch before 0.1.10')
  const isZip = text.startsWith('PK')
  if (!isZip && start[0] !== 0x80) throw wrong('it begins neither as an archive nor as a pickle')
  const { value, places } = isZip ? readArchive(file, wrong) : readLegacy(file, wrong)
  const tensors = named(file, value)
  const made = new Map<string, Constant>()
  return {
    ahead: file.taken,
    names: [...tensors.keys()],
    tensor: name => {
      const tensor = tensors.get(name)
      const place = tensor && places.get(tensor.storage.key)
      if (!tensor || place === undefined) return undefined
      const known = made.get(name)
      if (known) return known
      const { dtype, float8, name: type } = tensor.type
      const storage = dtype ?? (float8 && 'uint8')
      if (!storage) throw errors.E_TENSOR_DTYPE({ file: file.name, tensor: name, dtype: type, where: file.where })
      const elements = stridedTensor(file, place, storage, tensor.offset, tensor.shape, tensor.strides)
      const constant = float8 ? float8Tensor(elements, float8) : elements
      made.set(name, constant)
      return constant
    },
    stored: name => {
      const tensor = tensors.get(name)
      if (!tensor) return undefined
      const { dtype, float8, name: type, bytes } = tensor.type
      return { dtype: dtype ?? float8 ?? type, shape: tensor.shape, bytes: bytes * sizeOf(tensor.shape) }
    },
  }
}

function named(file: RandomAccessFile, value: PickleValue): Map<string, PickleTensor> {
  try {
    const tensors = stateDict(value)
    checkBytes(file, tensors.values())
    if (tensors.size > 0) return tensors
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw errors.E_TORCH_FORMAT({ file: file.name, problem: error.message, where: file.where }, { cause: error })
  }
  throw errors.E_TORCH_EMPTY({ file: file.name, where: file.where })
}

/** Holds what tensors have in all against the file. One that has several names counts once. */
function checkBytes(file: RandomAccessFile, tensors: Iterable<PickleTensor>): void {
  const limit = MAX_FACTOR * file.size + MAX_REPEATED_BYTES
  const seen = new Set<string>()
  // Numbers in place of the keys, which the file chooses and each of its tensors would repeat.
  const numbers = new Map<PickleStorage, number>()
  let bytes = 0
  for (const { storage, type, offset, shape, strides } of tensors) {
    const number = numbers.get(storage) ?? numbers.size
    numbers.set(storage, number)
    const view = JSON.stringify([number, type.name, offset, shape, strides])
    if (seen.has(view)) continue
    seen.add(view)
    bytes += sizeOf(shape) * type.bytes
    if (bytes > limit) throw new Malformed(`its tensors have more than ${limit} bytes, and the file has ${file.size}`)
  }
}

interface Content {
  readonly value: PickleValue
  /** Where each storage begins in the file. */
  readonly places: ReadonlyMap<string, number>
}

type Wrong = (problem: string) => Error

/** An archive with `<name>/data.pkl` and `<name>/data/<key>` for each storage. */
function readArchive(file: RandomAccessFile, wrong: Wrong): Content {
  const entries = readZip(file)
  const roots = new Set([...entries.keys()].map(name => name.split('/')[0]))
  const [root = ''] = roots
  const pickle = entries.get(`${root}/data.pkl`)
  if (entries.has(`${root}/constants.pkl`)) throw wrong('it is a TorchScript program')
  if (roots.size !== 1 || !pickle) throw wrong('it has no data.pkl in its one folder')
  const order = entries.get(`${root}/byteorder`)
  if (order && (order.size !== 6 || new TextDecoder().decode(file.read(order.offset, 6)) !== 'little'))
    throw wrong('its numbers are big-endian')

  const storages = new Map<string, PickleStorage>()
  const reader = new ByteReader(file, pickle.offset, pickle.offset + pickle.size)
  const value = readPickle(reader, storages)
  if (reader.remaining > 0) throw wrong('something follows its pickle')
  const places = new Map<string, number>()
  for (const [key, { size, type }] of storages) {
    const entry = entries.get(`${root}/data/${key}`)
    const broken = (problem: string) => errors.E_TORCH_STORAGE({ file: file.name, storage: key.slice(0, 100), problem, where: file.where })
    if (!entry) throw broken('it is missing in the archive')
    if (entry.size !== size * type.bytes) throw broken(`${size} elements of ${type.name} do not take ${entry.size} bytes`)
    places.set(key, entry.offset)
  }
  return { value, places }
}

/** Five pickles (a magic number, a version, facts about the machine, the value, the keys of the storages), then the storages. */
function readLegacy(file: RandomAccessFile, wrong: Wrong): Content {
  const storages = new Map<string, PickleStorage>()
  const reader = new ByteReader(file, 0, file.size)
  if (readPickle(reader, new Map()) !== LEGACY_MAGIC) throw wrong('it is a pickle, but not one of torch.save')
  if (readPickle(reader, new Map()) !== LEGACY_VERSION) throw wrong('it has another version of the format')
  const machine = readPickle(reader, new Map())
  const isLittle = typeof machine === 'object' && machine?.kind === 'dict' && machine.entries.get('little_endian') === true
  if (!isLittle) throw wrong('its numbers are big-endian')
  const value = readPickle(reader, storages)
  const keys = readPickle(reader, new Map())
  if (typeof keys !== 'object' || keys?.kind !== 'list') throw wrong('the list of its storages is missing')

  const places = new Map<string, number>()
  let at = reader.position
  for (const key of keys.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    const broken = (problem: string) =>
      errors.E_TORCH_STORAGE({ file: file.name, storage: String(key).slice(0, 100), problem, where: file.where })
    if (!storage) throw broken('nothing uses it')
    if (places.has(storage.key)) throw broken('it occurs twice')
    if (at + 8 > file.size) throw broken('the file ends before it')
    const size = new DataView(file.read(at, 8)).getBigInt64(0, true)
    if (size !== BigInt(storage.size)) throw broken(`it has ${size} elements instead of ${storage.size}`)
    const end = at + 8 + storage.size * storage.type.bytes
    if (end > file.size) throw broken('the file ends in the middle of it')
    places.set(storage.key, at + 8)
    at = end
  }
  if (at < file.size) throw wrong(`${file.size - at} bytes follow its last storage`)
  for (const key of storages.keys()) {
    if (!places.has(key))
      throw errors.E_TORCH_STORAGE({ file: file.name, storage: key.slice(0, 100), problem: 'it is not listed', where: file.where })
  }
  return { value, places }
}
