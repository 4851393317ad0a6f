import type { DType } from '@silane/core'
import { ArrayFeatureType_ArrayDataType as ArrayDataType } from './gen/feature_pb.ts'
import { DataType, type TensorValue } from './gen/mil_pb.ts'

/** Where the format keeps the elements of an immediate value. `bytes` are the elements as they stand in memory, little-endian. */
export type Member = Exclude<TensorValue['value']['case'], undefined>

interface Encoding {
  readonly mil: DataType
  readonly member: Member
  /** Type code in weight.bin. Types without one are always immediate. */
  readonly blob?: number
  /** First specification version whose writers put constants of this type into weight.bin. */
  readonly fileSince?: number
  /** As an input or output, and the first specification version that allows it. */
  readonly array?: ArrayDataType
  readonly arraySince?: number
}

/** How each of the core's types is spelled. `bf16` has a code but no reader, so it is left out. */
export const encodings: Readonly<Partial<Record<DType, Encoding>>> = {
  fp16: { mil: DataType.FLOAT16, member: 'bytes', blob: 1, fileSince: 6, array: ArrayDataType.ARRAY_FLOAT16, arraySince: 7 },
  fp32: { mil: DataType.FLOAT32, member: 'floats', blob: 2, fileSince: 6, array: ArrayDataType.ARRAY_FLOAT32, arraySince: 6 },
  fp64: { mil: DataType.FLOAT64, member: 'doubles' },
  int32: { mil: DataType.INT32, member: 'ints', blob: 14, fileSince: 9, array: ArrayDataType.ARRAY_INT32, arraySince: 6 },
  int16: { mil: DataType.INT16, member: 'ints', blob: 6, fileSince: 9 },
  uint16: { mil: DataType.UINT16, member: 'ints', blob: 7, fileSince: 9 },
  int8: { mil: DataType.INT8, member: 'bytes', blob: 4, fileSince: 6, array: ArrayDataType.ARRAY_INT8, arraySince: 10 },
  uint8: { mil: DataType.UINT8, member: 'bytes', blob: 3, fileSince: 6 },
  uint32: { mil: DataType.UINT32, member: 'bytes', blob: 15, fileSince: 9 },
  int64: { mil: DataType.INT64, member: 'longInts' },
  bool: { mil: DataType.BOOL, member: 'bools' },
}

const entries = Object.entries(encodings) as [DType, Encoding][]
const byMil = new Map(entries.map(([dtype, encoding]) => [encoding.mil, dtype]))
const byBlob = new Map(entries.map(([dtype, encoding]) => [encoding.blob, dtype]))
const byArray = new Map(entries.map(([dtype, encoding]) => [encoding.array, dtype]))

export const dtypeOfMil = (code: DataType): DType | undefined => byMil.get(code)
export const dtypeOfBlob = (code: number): DType | undefined => byBlob.get(code)
export const dtypeOfArray = (code: ArrayDataType): DType | undefined => byArray.get(code)

const milNames = new Map<number, string>(Object.entries(DataType).map(([name, code]) => [code, name]))

/** The format's own name of a type, for messages about types that the core does not have. */
export const milName = (code: DataType): string => milNames.get(code) ?? `type ${code}`
