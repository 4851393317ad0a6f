import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { errors } from './errors.ts'
import { BlockSchema, OperationSchema } from './gen/mil_pb.ts'
import { FeatureDescriptionSchema } from './gen/model_pb.ts'
import {
  MAX_FEATURES,
  MAX_FINDINGS,
  MAX_LISTED,
  MAX_MESSAGES,
  MAX_NESTING,
  MAX_OP_MESSAGES,
  MAX_OPERATIONS,
  MAX_OUTER_MESSAGES,
} from './limits.ts'

const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5

/** Messages that the schema has as bytes, since they are decoded one at a time. */
const apart: ReadonlyMap<DescField, DescMessage> = new Map([[BlockSchema.field.operations, OperationSchema]])

/** Messages that are decoded together. */
interface Together {
  readonly limit: number
  readonly of: string
  count: number
}

export interface UnknownField {
  /** Name of the message that has it. */
  readonly message: string
  readonly number: number
}

/**
 * Walks serialized messages before they are decoded: lengths stay inside their message, nesting and the numbers of
 * messages, of features and of what lists hold inside their limits, and every field has the wire type of its declaration (the decoder trusts it).
 * Returns the fields that the schema does not know, each once.
 */
export function checkWire(schema: DescMessage, bytes: Uint8Array, where: string): UnknownField[] {
  const unknown: UnknownField[] = []
  /** What the schema does not know is in the layout of its message too, without a field, once it was seen. */
  const layouts = new Map<DescMessage, Map<number, DescField | undefined>>()
  let position = 0
  let messages = 0
  let features = 0
  let operations = 0
  let listed = 0
  const fail = (problem: string) => errors.E_PROTO({ where, problem: `${problem} at byte ${position}` })

  const layoutOf = (message: DescMessage): Map<number, DescField | undefined> => {
    const known = layouts.get(message)
    if (known) return known
    const layout = new Map<number, DescField | undefined>(message.fields.map(field => [field.number, field]))
    layouts.set(message, layout)
    return layout
  }
  const varint = (end: number): number => {
    let value = 0
    for (let shift = 1, i = 0; i < 10; i++, shift *= 128) {
      if (position >= end) throw fail('a number is cut off')
      const byte = bytes[position++] as number
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
    throw fail('a number is longer than ten bytes')
  }
  /** Counts what a list is given: a number or a text, or a block of numbers. */
  const list = (count: number): void => {
    listed += count
    if (listed > MAX_LISTED) throw errors.E_PROTO({ where, problem: `its lists hold more than ${MAX_LISTED} numbers and texts` })
  }
  const walk = (message: DescMessage, end: number, depth: number, together: Together): void => {
    if (depth > MAX_NESTING) throw errors.E_NESTING({ where, limit: MAX_NESTING })
    if (++messages > MAX_MESSAGES) throw errors.E_MESSAGES({ where, of: 'The model file', limit: MAX_MESSAGES })
    if (++together.count > together.limit) throw errors.E_MESSAGES({ where, ...together })
    if (message === FeatureDescriptionSchema && ++features > MAX_FEATURES)
      throw errors.E_PROTO({ where, problem: `it describes more than ${MAX_FEATURES} features` })
    const layout = layoutOf(message)
    while (position < end) {
      const tag = varint(end)
      const number = Math.floor(tag / 8)
      const wire = tag % 8
      if (number < 1 || number > 0x1fffffff) throw fail(`field number ${number}`)
      const field = layout.get(number)
      if (!field) {
        if (!layout.has(number) && unknown.push({ message: message.name, number }) > MAX_FINDINGS)
          throw errors.E_PROTO({ where, problem: `it has more than ${MAX_FINDINGS} different fields that this version does not know` })
        layout.set(number, undefined)
      } else if (!wireTypes(field).includes(wire)) throw fail(`field ${message.name}.${field.name} has the wire type ${wire}`)
      if (wire !== DELIMITED && field?.fieldKind === 'list') list(1)
      if (wire === VARINT) varint(end)
      else if (wire === FIXED64 || wire === FIXED32) position += wire === FIXED64 ? 8 : 4
      else if (wire === DELIMITED) {
        const length = varint(end)
        if (length > end - position) throw fail(`a length of ${length} runs past the end of its message`)
        const own = field && apart.get(field)
        const child = own ?? field?.message
        if (field && !child && field.fieldKind === 'list') list(Math.max(1, Math.ceil(length / leastBytes(field))))
        if (own && ++operations > MAX_OPERATIONS) throw errors.E_PROTO({ where, problem: `it has more than ${MAX_OPERATIONS} operations` })
        if (own) walk(own, position + length, depth + 1, { of: 'An operation of the model file', limit: MAX_OP_MESSAGES, count: 0 })
        else if (child) walk(child, position + length, depth + 1, together)
        else position += length
      } else throw fail(`wire type ${wire}`)
      if (position > end) throw fail('a value is cut off')
    }
  }
  walk(schema, bytes.length, 1, { of: 'The model file, apart from its operations,', limit: MAX_OUTER_MESSAGES, count: 0 })
  return unknown
}

/** Bytes that an element of a list in one block takes at least; a text is a block of its own. */
function leastBytes(field: DescField): number {
  const [plain] = wireTypes(field)
  if (plain === DELIMITED) return Number.POSITIVE_INFINITY
  return plain === FIXED64 ? 8 : plain === FIXED32 ? 4 : 1
}

function wireTypes(field: DescField): readonly number[] {
  if (field.message) return [DELIMITED]
  const scalar = field.fieldKind === 'enum' || (field.fieldKind === 'list' && field.listKind === 'enum') ? ScalarType.INT32 : field.scalar
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return [DELIMITED]
  const plain = scalar === ScalarType.FLOAT ? FIXED32 : scalar === ScalarType.DOUBLE ? FIXED64 : VARINT
  return field.fieldKind === 'list' ? [plain, DELIMITED] : [plain]
}
