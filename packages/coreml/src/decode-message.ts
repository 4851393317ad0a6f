import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { errors } from './errors.ts'

/** A message that `checkWire` has seen. Throws E_PROTO where it is damaged nevertheless, as by a text that is not UTF-8. */
export function decodeMessage<M extends DescMessage>(schema: M, bytes: Uint8Array, where: string): MessageShape<M> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false })
  } catch (cause) {
    throw errors.E_PROTO({ where, problem: cause instanceof Error ? cause.message : String(cause) }, { cause })
  }
}
