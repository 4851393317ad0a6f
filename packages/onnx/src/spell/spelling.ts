import type { Op, Value } from '@silane/core'
import { operand, optionalOperand } from '@silane/core'
import type { Emitter } from '../emitter.ts'

/** How one op is written: adds nodes and gives the names of the results. */
export type Spelling = (op: Op, e: Emitter) => string | readonly string[]

export type Spellings = Readonly<Record<string, Spelling>>

/** The ONNX name of an operand. */
export const input = (op: Op, e: Emitter, name: string): string => e.name(operand(op, name))

/** The ONNX name of an operand, '' where it is not given. */
export const optionalInput = (op: Op, e: Emitter, name: string): string => {
  const value = optionalOperand(op, name)
  return value ? e.name(value) : ''
}

export const result = (op: Op): Value => op.outputs[0] as Value

/** Attributes by the types that the op's definition gives them. */
export const number = (op: Op, name: string): number => op.attributes[name] as number
export const numbers = (op: Op, name: string): readonly number[] => op.attributes[name] as readonly number[]
export const flag = (op: Op, name: string): boolean => op.attributes[name] === true
export const text = (op: Op, name: string): string => op.attributes[name] as string
