import { createHash } from 'node:crypto'
import { allocate, byteSize, bytesOf, type Constant, type DType, type NumericArray, sizeOf, type TensorType, viewBytes } from '@silane/core'
import { encodings } from './data-types.ts'
import { decodeType } from './decode-type.ts'
import { errors } from './errors.ts'
import type { TensorValue, Value } from './gen/mil_pb.ts'
import type { WeightFile } from './weight-file.ts'

/** A value that the program spells out: texts, or a tensor that may stand in a weight file. */
export type Literal =
  | { readonly texts: readonly string[]; readonly constant?: undefined }
  | { readonly texts?: undefined; readonly constant: Constant }

/** Finds a weight file by the name that programs use; throws when it cannot be read. */
export type WeightFiles = (fileName: string, where: string) => WeightFile

/** Decodes a value that is spelled out in the program. */
export function decodeValue(value: Value | undefined, files: WeightFiles, where: string): Literal {
  const fail = (problem: string) => errors.E_VALUE({ where, problem })
  if (!value) throw fail('no value')
  if (value.docString !== '') throw fail('a value has a text of documentation')
  const { kind, tensor: type } = decodeType(value.type, where)
  if (kind === 'state') throw fail('a state is not a value')
  const content = value.value
  if (content.case === 'blobFileValue') {
    if (kind === 'text') throw fail('texts cannot stand in a weight file')
    const { fileName, offset } = content.value
    return { constant: files(fileName, where).constant(Number(offset), type, where) }
  }
  const tensor = content.case === 'immediateValue' ? content.value.value : undefined
  if (tensor?.case !== 'tensor') throw fail(tensor?.case === undefined ? 'no value' : `a ${tensor.case} is not supported`)
  const count = sizeOf(type.shape)
  const found = tensor.value.value
  if (kind === 'text') {
    if (found.case !== 'strings' || found.value.values.length !== count) throw fail(`${count} texts are not there`)
    return { texts: found.value.values }
  }
  const member = encodings[type.dtype]?.member
  if (found.case !== member) throw fail(`elements of ${type.dtype} stand in ${member}, not in ${found.case}`)
  const data = elementsOf(found, type, count)
  if (!data) throw fail(`the elements do not fit ${type.dtype}[${type.shape}]`)
  return { constant: immediate(type, data) }
}

function elementsOf(found: TensorValue['value'], type: TensorType, count: number): NumericArray | undefined {
  if (found.case === undefined || found.case === 'strings') return undefined
  const { values } = found.value
  if (values instanceof Uint8Array) {
    if (values.length !== count * byteSize(type.dtype)) return undefined
    return viewBytes(type.dtype, Uint8Array.from(values).buffer, 0, count)
  }
  if (values.length !== count) return undefined
  const data = allocate(type.dtype, count)
  for (let i = 0; i < count; i++) {
    const value = values[i] as number | bigint | boolean
    if (data instanceof BigInt64Array) data[i] = BigInt(value)
    else data[i] = Number(value)
    // Integers of 16 bits are stored as 32: what does not fit must not wrap around silently.
    if (isInteger(type.dtype) && Number(data[i]) !== Number(value)) return undefined
  }
  return data
}

const isInteger = (dtype: DType): boolean => dtype.includes('int')

function immediate(type: TensorType, data: NumericArray): Constant {
  return {
    ...type,
    id: `immediate:${type.dtype}:${createHash('sha256').update(bytesOf(data)).digest('hex').slice(0, 32)}`,
    read: (start, count) => data.slice(start, start + count) as NumericArray,
  }
}
