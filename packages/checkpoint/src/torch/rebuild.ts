import { sizeOf } from '@silane/core'
import {
  elementTypes,
  type PickleDict,
  type PickleGlobal,
  type PickleList,
  type PickleStorage,
  type PickleTensor,
  type PickleValue,
  storageTypes,
} from './pickle-value.ts'

/** PyTorch's own bound. */
const MAX_RANK = 64

/** Elements of a view that repeats its storage, such as position ids for each row of a batch: more than any, and 64 MB at most as fp32. */
const MAX_REPEATED = 1 << 24

/** Characters of a storage's key: a number in each format, that of the place in memory or one from 0 on. */
const MAX_KEY = 512

/** A thing that is not as torch.save writes it. The interpreter adds the place. */
export class Malformed extends Error {}

type Kinded = Extract<PickleValue, { kind: string }>

const is = <K extends Kinded['kind']>(value: PickleValue | undefined, kind: K): value is Kinded & { kind: K } =>
  typeof value === 'object' && value !== null && value.kind === kind

const isSequence = (value: PickleValue | undefined): value is PickleList => is(value, 'list') || is(value, 'tuple')

const isCount = (value: PickleValue | undefined): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

export const emptyDict = (): PickleDict => ({ kind: 'dict', entries: new Map(), sealed: false, depth: 1, expanded: 1, tensors: false })

/** What stands for a call in a pickle. Nothing is called: these read the arguments and give plain data. */
const calls: ReadonlyMap<string, (args: readonly PickleValue[]) => PickleValue> = new Map([
  ['collections.OrderedDict', orderedDict],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildTensor],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  ['torch.Size', size],
])

/** Whether a pickle may refer to this name at all. */
export const isKnownGlobal = (name: string): boolean => calls.has(name) || storageTypes.has(name) || elementTypes.has(name)

/** The value that calling a global with these arguments stands for. */
export function rebuild({ name }: PickleGlobal, args: PickleList): PickleValue {
  const call = calls.get(name)
  if (!call) throw new Malformed(`${name} is called`)
  return call(args.items)
}

function orderedDict(args: readonly PickleValue[]): PickleValue {
  if (args.length > 0) throw new Malformed('an OrderedDict is made with arguments')
  return emptyDict()
}

function size([dims, ...rest]: readonly PickleValue[]): PickleValue {
  if (!isSequence(dims)) throw new Malformed('a Size is not made from a tuple')
  if (rest.length > 0 || !dims.items.every(isCount)) throw new Malformed('a Size has something else than dimensions')
  return dims
}

function rebuildParameter([tensor]: readonly PickleValue[]): PickleValue {
  if (!is(tensor, 'tensor')) throw new Malformed('a parameter is not made from a tensor')
  return tensor
}

/** `storage, offset, size, stride[, requires_grad, hooks[, dtype (version 3 only)][, metadata]]` */
function rebuildTensor(args: readonly PickleValue[]): PickleValue {
  const [storage, offset, dims, steps] = args
  if (!is(storage, 'storage')) throw new Malformed('a tensor has no storage')
  const named = args[6]
  const type = is(named, 'global') ? elementTypes.get(named.name) : storage.type
  const metadata = is(named, 'global') ? args[7] : named
  if (!type) throw new Malformed('a tensor has something else than an element type')
  if (is(metadata, 'dict') && metadata.entries.size > 0) throw new Malformed('a tensor is marked as conjugate or negative')
  const shape = counts(dims)
  const strides = counts(steps)
  if (!isCount(offset) || !shape || !strides || shape.length !== strides.length) {
    throw new Malformed('offset, size and stride of a tensor are not whole numbers from 0 on, or do not match')
  }
  if (shape.length > MAX_RANK) throw new Malformed(`a tensor has the rank ${shape.length}; the limit is ${MAX_RANK}`)
  const tensor: PickleTensor = { kind: 'tensor', storage, type, offset, shape, strides }
  checkExtent(tensor)
  return tensor
}

const counts = (value: PickleValue | undefined): number[] | undefined =>
  isSequence(value) && value.items.every(isCount) ? value.items : undefined

function checkExtent({ storage, type, offset, shape, strides }: PickleTensor): void {
  const elements = sizeOf(shape)
  if (!Number.isSafeInteger(elements)) throw new Malformed(`a tensor [${shape}] has more elements than can be counted`)
  if (elements === 0) return
  const last = shape.reduce((at, dim, axis) => at + (dim - 1) * (strides[axis] ?? 0), offset)
  const available = Math.floor((storage.size * storage.type.bytes) / type.bytes)
  if (!(last < available)) throw new Malformed(`a tensor reaches element ${last} of a storage with ${available}`)
  if (elements > Math.max(available, MAX_REPEATED)) {
    throw new Malformed(`a tensor [${shape}] repeats its ${available} elements to ${elements}; the limit is ${MAX_REPEATED}`)
  }
}

/** `('storage', class, key, location, elements[, view])`, the one kind of reference out of the pickle. */
export function storageOf(reference: PickleValue, known: ReadonlyMap<string, PickleStorage>): PickleStorage {
  if (!is(reference, 'tuple')) throw new Malformed('a reference to a storage is not a tuple')
  const [tag, kind, key, location, size, view] = reference.items
  if (tag !== 'storage' || !is(kind, 'global') || typeof key !== 'string' || typeof location !== 'string' || !isCount(size)) {
    throw new Malformed('a reference to a storage has another form')
  }
  if (key.length > MAX_KEY) throw new Malformed(`the key of a storage has ${key.length} characters; the limit is ${MAX_KEY}`)
  const type = storageTypes.get(kind.name)
  if (!type) throw new Malformed(`${kind.name} is used as a class of storages`)
  if (view !== undefined && view !== null) throw new Malformed('a storage is a view of another one, as PyTorch did before 0.4')
  const before = known.get(key)
  if (before && (before.type !== type || before.size !== size)) throw new Malformed(`the storage "${key}" is described in two ways`)
  return before ?? { kind: 'storage', key, type, size }
}
