import type { TensorType } from '@silane/core'
import { dtypeOfMil, milName } from './data-types.ts'
import { errors } from './errors.ts'
import { DataType, type ValueType } from './gen/mil_pb.ts'
import { MAX_CONSTANT_RANK, MAX_DIMENSION, MAX_ELEMENTS } from './limits.ts'

/** A text has no type in the core: it only occurs as a parameter. */
export interface DecodedType {
  readonly kind: 'tensor' | 'state' | 'text'
  /** Of a text, only the shape counts. */
  readonly tensor: TensorType
}

/** Checks a type of the program and brings it into the core's form. Throws E_VALUE_TYPE, E_FLEXIBLE or E_PACKAGE_UNSUPPORTED. */
export function decodeType(type: ValueType | undefined, where: string): DecodedType {
  const fail = (problem: string) => errors.E_VALUE_TYPE({ where, problem })
  const { type: found } = type ?? {}
  if (found?.case === 'stateType') {
    const inner = decodeType(found.value.wrappedType, where)
    if (inner.kind !== 'tensor') throw fail('a state holds something else than a tensor')
    return { kind: 'state', tensor: inner.tensor }
  }
  if (found?.case === undefined) throw fail('no type')
  if (found.case !== 'tensorType') throw errors.E_PACKAGE_UNSUPPORTED({ where, what: `a ${found.case.replace('Type', '')}` })
  const { dataType, rank, dimensions, attributes } = found.value
  if (attributes.length > 0) throw fail('a type has attributes')
  if (rank !== BigInt(dimensions.length)) throw fail(`rank ${rank} with ${dimensions.length} dimensions`)
  if (dimensions.length > MAX_CONSTANT_RANK) throw fail(`rank ${rank}; the limit is ${MAX_CONSTANT_RANK}`)
  const shape = dimensions.map(({ dimension }) => {
    if (dimension.case === undefined) throw fail('an empty dimension')
    if (dimension.case === 'unknown') throw errors.E_FLEXIBLE({ where })
    const size = Number(dimension.value.size)
    if (size < 1 || size > MAX_DIMENSION) throw fail(`a dimension of ${dimension.value.size}; allowed are 1 to ${MAX_DIMENSION}`)
    return size
  })
  if (shape.reduce((product, dim) => product * dim, 8) > MAX_ELEMENTS) throw fail(`[${shape}] has too many elements`)
  if (dataType === DataType.STRING) return { kind: 'text', tensor: { dtype: 'uint8', shape } }
  const dtype = dtypeOfMil(dataType)
  if (!dtype) throw errors.E_PACKAGE_UNSUPPORTED({ where, what: `the element type ${milName(dataType)}` })
  return { kind: 'tensor', tensor: { dtype, shape } }
}
