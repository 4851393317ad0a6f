import type { DType } from '@silane/core'
import type { Float8 } from '../float8.ts'

/** What the interpreter of pickles can hold: data without behaviour. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleForeign
  | PickleStorage
  | PickleTensor

/** Keys of dicts: what compares by value. */
export type PickleKey = null | boolean | number | string

/** How much a container holds in all, repeated parts counted each time, and how deep. */
interface Extent {
  /** Containers are complete before they are put elsewhere; from then on they do not change, which rules out cycles. */
  sealed: boolean
  depth: number
  expanded: number
  /** Whether a tensor, or memory of one, is in it. */
  tensors: boolean
}

export interface PickleList extends Extent {
  readonly kind: 'list' | 'tuple'
  readonly items: PickleValue[]
}

export interface PickleDict extends Extent {
  readonly kind: 'dict'
  readonly entries: Map<PickleKey, PickleValue>
}

/** A name of Python's, one of a short list. It is compared, never looked up. */
export interface PickleGlobal {
  readonly kind: 'global'
  readonly name: string
}

/**
 * A class that is not known, or an object of one: arguments of a training script, say. What such an object holds is read over and
 * forgotten.
 */
export interface PickleForeign {
  readonly kind: 'class' | 'object'
  readonly name: string
  /** Where its name stands in the file. */
  readonly at: number
}

/** Memory that tensors are views of. */
export interface PickleStorage {
  readonly kind: 'storage'
  readonly key: string
  readonly type: ElementType
  /** Elements. */
  readonly size: number
}

export interface PickleTensor {
  readonly kind: 'tensor'
  readonly storage: PickleStorage
  readonly type: ElementType
  /** In elements, as `strides`. */
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** PyTorch's name of an element type, and its place here, if it has one. */
export interface ElementType {
  readonly name: string
  readonly bytes: number
  readonly dtype: DType | undefined
  /** Where it is one that the core does not have. */
  readonly float8?: Float8
}

const type = (name: string, bytes: number, dtype?: DType): ElementType => ({ name, bytes, dtype })

const types = {
  float64: type('float64', 8, 'fp64'),
  float32: type('float32', 4, 'fp32'),
  float16: type('float16', 2, 'fp16'),
  bfloat16: type('bfloat16', 2, 'bf16'),
  int64: type('int64', 8, 'int64'),
  int32: type('int32', 4, 'int32'),
  int16: type('int16', 2, 'int16'),
  int8: type('int8', 1, 'int8'),
  uint8: type('uint8', 1, 'uint8'),
  bool: type('bool', 1, 'bool'),
  complex64: type('complex64', 8),
  complex128: type('complex128', 16),
}

const float8 = (name: string, format: Float8): ElementType => ({ ...type(name, 1), float8: format })

/** Storages by the class that a pickle names. */
export const storageTypes: ReadonlyMap<string, ElementType> = new Map([
  ['torch.DoubleStorage', types.float64],
  ['torch.FloatStorage', types.float32],
  ['torch.HalfStorage', types.float16],
  ['torch.BFloat16Storage', types.bfloat16],
  ['torch.LongStorage', types.int64],
  ['torch.IntStorage', types.int32],
  ['torch.ShortStorage', types.int16],
  ['torch.CharStorage', types.int8],
  ['torch.ByteStorage', types.uint8],
  ['torch.BoolStorage', types.bool],
  ['torch.ComplexFloatStorage', types.complex64],
  ['torch.ComplexDoubleStorage', types.complex128],
  ['torch.UntypedStorage', types.uint8],
  ['torch.storage.UntypedStorage', types.uint8],
])

/** Element types that are named themselves, because no class of storages exists for them. */
export const elementTypes: ReadonlyMap<string, ElementType> = new Map(
  [
    ...Object.values(types),
    type('uint16', 2, 'uint16'),
    type('uint32', 4, 'uint32'),
    type('uint64', 8),
    float8('float8_e4m3fn', 'fp8_e4m3'),
    float8('float8_e5m2', 'fp8_e5m2'),
    type('float8_e4m3fnuz', 1),
    type('float8_e5m2fnuz', 1),
    type('float8_e8m0fnu', 1),
  ].map(element => [`torch.${element.name}`, element]),
)
