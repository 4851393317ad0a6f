import type { Constant } from '../constant.ts'
import type { DType } from '../dtype.ts'
import type { OutputPort, Port } from './port.ts'

/** A static tensor type: every dimension is a number. */
export interface TensorType {
  readonly dtype: DType
  readonly shape: readonly number[]
}

/** What an op can carry besides operands. Integers and floats are both numbers: the op's definition tells them apart. */
export type Attribute = number | boolean | string | readonly number[] | readonly boolean[] | Constant

/**
 * A tensor in a graph, defined once: an input, a state, or an output of an op. Values are compared by identity.
 */
export interface Value {
  /** Unique in its graph; a legal Core ML identifier. */
  readonly name: string
  readonly type: TensorType
  /** The op that defines it; none for inputs and states. */
  readonly producer?: Op | undefined
  /** Of inputs and states: what they are for. */
  readonly port?: Port | undefined
}

/** Where an op comes from: the checkpoint's module and the rewrite rules that made it, oldest first. */
export interface Origin {
  readonly module: string
  readonly rules: readonly string[]
}

export interface Op {
  readonly kind: string
  /** By parameter name. Variadic parameters (`concat.values`) hold several values. */
  readonly operands: Readonly<Record<string, Value | readonly Value[]>>
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly outputs: readonly Value[]
  readonly origin: Origin
  /** Computed in fp32 whatever the precision: an island where fp16 is known to fail. */
  readonly exact?: true | undefined
}

export interface GraphOutput {
  /** The name the program gives it, such as `last_hidden_state`. */
  readonly name: string
  readonly value: Value
  readonly port?: OutputPort | undefined
}

/**
 * One function in static single assignment form: ops in an order in which every operand is defined before
 * it is used. Plain data without methods, so that graphs made by another copy of this package are welcome.
 */
export interface Graph {
  readonly name: string
  readonly inputs: readonly Value[]
  /** Tensors that live across calls; read and written by `read_state` and `write_state`. */
  readonly states: readonly Value[]
  readonly ops: readonly Op[]
  readonly outputs: readonly GraphOutput[]
}

/** Graphs that are deployed together and share weights. */
export interface Program {
  /** `model`, `encoder`, `decoder`, … as in the deployment contract. */
  readonly name: string
  /** The first is the default function. */
  readonly functions: readonly Graph[]
}

/** The types of operands by name, as inference takes them. */
export const operandTypes = (operands: Op['operands']): Readonly<Record<string, TensorType | readonly TensorType[]>> =>
  Object.fromEntries(
    Object.entries(operands).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((each: Value) => each.type) : (value as Value).type,
    ]),
  )

/** All operands of an op, variadic ones spread. */
export const operandsOf = (op: Op): Value[] => Object.values(op.operands).flat() as Value[]

/** The operand `name`, which must be there and be single. */
export function operand(op: Op, name: string): Value {
  const found = op.operands[name]
  if (!found || Array.isArray(found)) throw new TypeError(`${op.kind} has no single operand "${name}"`)
  return found as Value
}

/** The operand `name`, if given. */
export const optionalOperand = (op: Op, name: string): Value | undefined => op.operands[name] as Value | undefined

/** The constant behind a value, if it is one. */
export const constantOf = (value: Value | undefined): Constant | undefined =>
  value?.producer?.kind === 'const' ? (value.producer.attributes.val as Constant) : undefined
