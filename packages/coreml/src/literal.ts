import { create } from '@bufbuild/protobuf'
import { bytesOf, castArray, type DType, type NumericArray, type TensorType } from '@silane/core'
import { encodings } from './data-types.ts'
import {
  DataType,
  type TensorValue,
  TensorValue_BoolsSchema,
  TensorValue_BytesSchema,
  TensorValue_DoublesSchema,
  TensorValue_FloatsSchema,
  TensorValue_IntsSchema,
  TensorValue_LongIntsSchema,
  type Value,
  ValueSchema,
  type ValueType,
  ValueTypeSchema,
} from './gen/mil_pb.ts'

/** Where weight.bin stands, seen from a program. */
export const WEIGHT_FILE = '@model_path/weights/weight.bin'

const rawType = (dataType: DataType, shape: readonly number[]): ValueType =>
  create(ValueTypeSchema, {
    type: {
      case: 'tensorType',
      value: {
        dataType,
        rank: BigInt(shape.length),
        dimensions: shape.map(size => ({ dimension: { case: 'constant' as const, value: { size: BigInt(size) } } })),
      },
    },
  })

export const milType = (type: TensorType): ValueType => rawType(encodings[type.dtype]?.mil ?? DataType.UNUSED_TYPE, type.shape)

export const stateType = (type: TensorType): ValueType =>
  create(ValueTypeSchema, { type: { case: 'stateType', value: { wrappedType: milType(type) } } })

const scalarText = rawType(DataType.STRING, [])

/** A text as a rank-0 value. */
export const textValue = (text: string): Value =>
  create(ValueSchema, {
    type: scalarText,
    value: {
      case: 'immediateValue',
      value: { value: { case: 'tensor', value: { value: { case: 'strings', value: { values: [text] } } } } },
    },
  })

/** A tensor whose elements stand in weight.bin, in the record at `offset`. */
export const fileValue = (type: TensorType, offset: number): Value =>
  create(ValueSchema, {
    type: milType(type),
    value: { case: 'blobFileValue', value: { fileName: WEIGHT_FILE, offset: BigInt(offset) } },
  })

/** A tensor whose elements stand in the program. */
export const immediateValue = (type: TensorType, data: NumericArray): Value =>
  create(ValueSchema, {
    type: milType(type),
    value: { case: 'immediateValue', value: { value: { case: 'tensor', value: { value: tensorMember(type.dtype, data) } } } },
  })

function tensorMember(dtype: DType, data: NumericArray): TensorValue['value'] {
  switch (encodings[dtype]?.member) {
    case 'bytes':
      return { case: 'bytes', value: create(TensorValue_BytesSchema, { values: bytesOf(data) }) }
    case 'bools':
      return { case: 'bools', value: create(TensorValue_BoolsSchema, { values: numbers(data).map(Boolean) }) }
    case 'longInts':
      return {
        case: 'longInts',
        value: create(TensorValue_LongIntsSchema, { values: Array.from(castArray(data, dtype, 'int64') as BigInt64Array) }),
      }
    case 'floats':
      return { case: 'floats', value: create(TensorValue_FloatsSchema, { values: numbers(data) }) }
    case 'doubles':
      return { case: 'doubles', value: create(TensorValue_DoublesSchema, { values: numbers(data) }) }
    case 'ints':
      return { case: 'ints', value: create(TensorValue_IntsSchema, { values: numbers(data) }) }
    default:
      throw new TypeError(`no immediate value of type ${dtype}`)
  }
}

const numbers = (data: NumericArray): number[] => Array.from(data as Float64Array)

/** Numbers as the elements of a type, rounded as that type rounds. */
export const elements = (dtype: DType, values: readonly number[]): NumericArray => castArray(Float64Array.from(values), 'fp64', dtype)
