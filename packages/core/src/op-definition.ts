import type { Constant } from './constant.ts'
import type { Attribute, TensorType, Value } from './graph/graph.ts'

/** How many values an operand takes. */
export type Arity = 'one' | 'optional' | 'many'

export interface OperandSpec<A extends Arity = Arity> {
  readonly arity: A
  /** Core ML wants it known at compile time. */
  readonly constant: boolean
}

export const one = { arity: 'one', constant: false } as const satisfies OperandSpec
export const optional = { arity: 'optional', constant: false } as const satisfies OperandSpec
export const many = { arity: 'many', constant: false } as const satisfies OperandSpec
export const weight = { arity: 'one', constant: true } as const satisfies OperandSpec
export const optionalWeight = { arity: 'optional', constant: true } as const satisfies OperandSpec

/** The kind of an attribute decides its encoding: `float` takes the element type of the op's first operand. */
export type AttributeKind = 'int' | 'ints' | 'float' | 'bool' | 'bools' | 'text' | 'constant'

interface AttributeTypes {
  readonly int: number
  readonly ints: readonly number[]
  readonly float: number
  readonly bool: boolean
  readonly bools: readonly boolean[]
  readonly text: string
  readonly constant: Constant
}

export interface AttributeSpec<K extends AttributeKind = AttributeKind, R extends boolean = boolean, C extends string = string> {
  readonly kind: K
  readonly required: R
  readonly fallback?: Attribute
  /** Allowed texts. */
  readonly choices?: readonly C[]
}

type DefaultedSpec<K extends AttributeKind, C extends string = string> = AttributeSpec<K, false, C> & { readonly fallback: Attribute }

/** A required attribute. */
export const required = <K extends AttributeKind>(kind: K): AttributeSpec<K, true> => ({ kind, required: true })
/** An attribute that may be absent from the op and from the file. */
export const absent = <K extends AttributeKind>(kind: K): AttributeSpec<K, false> => ({ kind, required: false })
/** An attribute that is always written, with a default. */
export const defaulted = <K extends AttributeKind>(kind: K, fallback: AttributeTypes[K]): DefaultedSpec<K> => ({
  kind,
  required: false,
  fallback: fallback as Attribute,
})
/** A text out of a few. */
export const choice = <const C extends string>(choices: readonly C[], fallback: NoInfer<C>): DefaultedSpec<'text', C> => ({
  kind: 'text',
  required: false,
  fallback,
  choices,
})
/** A text out of a few that must be given. */
export const requiredChoice = <const C extends string>(choices: readonly C[]): AttributeSpec<'text', true, C> => ({
  kind: 'text',
  required: true,
  choices,
})

type OperandSpecs = Readonly<Record<string, OperandSpec>>
type AttributeSpecs = Readonly<Record<string, AttributeSpec>>

type Keys<T, C> = { [K in keyof T]: T[K] extends C ? K : never }[keyof T]

/** The operands as types, which is all that inference sees. */
export type OperandTypes<O extends OperandSpecs> = { readonly [K in Keys<O, OperandSpec<'one'>>]: TensorType } & {
  readonly [K in Keys<O, OperandSpec<'optional'>>]: TensorType | undefined
} & { readonly [K in Keys<O, OperandSpec<'many'>>]: readonly TensorType[] }

/** The type of an attribute: one of its choices where it has some. */
type AttributeValue<S extends { readonly kind: AttributeKind }> = S extends {
  readonly kind: 'text'
  readonly choices?: readonly (infer C)[]
}
  ? C
  : AttributeTypes[S['kind']]

/** The attributes with defaults filled in. */
export type AttributeValues<A extends AttributeSpecs> = {
  readonly [K in keyof A]: A[K] extends { fallback: unknown } | { required: true } ? AttributeValue<A[K]> : AttributeValue<A[K]> | undefined
}

/** The operands of an op in a graph. */
export type OperandValues<O extends OperandSpecs> = { readonly [K in Keys<O, OperandSpec<'one'>>]: Value } & {
  readonly [K in Keys<O, OperandSpec<'optional'>>]?: Value
} & { readonly [K in Keys<O, OperandSpec<'many'>>]: readonly Value[] }

/** What a builder method takes: operands and attributes in one record, as in Core ML's own op signatures. */
export type OpArguments<O extends OperandSpecs, A extends AttributeSpecs> = { readonly [K in Keys<O, OperandSpec<'one'>>]: Value } & {
  readonly [K in Keys<O, OperandSpec<'optional'>>]?: Value | undefined
} & { readonly [K in Keys<O, OperandSpec<'many'>>]: readonly Value[] } & {
  readonly [K in Keys<A, AttributeSpec<AttributeKind, true>>]: AttributeValue<A[K]>
} & { readonly [K in Keys<A, AttributeSpec<AttributeKind, false>>]?: AttributeValue<A[K]> | undefined }

/** What passes, analysis and writers need to know of an op beside its types. What is absent does not hold. */
export interface OpTraits {
  /** An element of the result depends on the elements at its own place alone, so the layout does not matter. */
  readonly elementwise?: true
  /** Moves elements and computes nothing. */
  readonly movement?: true
  /** The same elements in the same order under another shape. */
  readonly reshaping?: true
  /** Takes one or several axes together. */
  readonly reduction?: true
  /** x and y may change places. */
  readonly commutative?: true
  /** Every element of the result is one of an operand's, or 0: nothing is left to round. */
  readonly selects?: true
  /** Moves 8- and 16-bit integers too, from CoreML7 on. */
  readonly narrow?: true
  /** Gives a list of results, even where it holds one or none. */
  readonly several?: true
}

/**
 * The one definition of an op. Builder methods, checking, printing, the Core ML encoding and the docs derive from it.
 */
export interface OpDefinition<
  O extends OperandSpecs = OperandSpecs,
  A extends AttributeSpecs = AttributeSpecs,
  R extends TensorType | readonly TensorType[] = TensorType | readonly TensorType[],
> {
  /** One line: what it computes. */
  readonly doc: string
  readonly operands: O
  readonly attributes: A
  /** `mil`: stands in Core ML's opset under this name. `nn`: a composite with a plain expansion. */
  readonly level: 'mil' | 'nn'
  /** The first Core ML opset that has it: 5 for CoreML5 (iOS 15), … */
  readonly since: number
  /** Reads or writes state: keeps its place and is never merged or dropped. */
  readonly effect: boolean
  readonly traits: OpTraits
  /** Multiply-accumulates, for ops that are products. */
  readonly macs?: (operands: OperandTypes<O>, attributes: AttributeValues<A>, result: TensorType) => number
  /** The type of the result; an array for ops with several results. Throws a `TypeError` with the reason when the op is not legal. */
  readonly infer: (operands: OperandTypes<O>, attributes: AttributeValues<A>) => R
}

/** Defines an op; `level`, `since`, `effect` and `traits` have the usual defaults. */
export const defineOp = <
  const O extends OperandSpecs,
  const A extends AttributeSpecs,
  R extends TensorType | readonly TensorType[],
>(definition: {
  readonly doc: string
  readonly operands: O
  readonly attributes: A
  readonly level?: 'mil' | 'nn'
  readonly since?: number
  readonly effect?: boolean
  readonly traits?: OpTraits
  readonly macs?: (operands: OperandTypes<O>, attributes: AttributeValues<A>, result: TensorType) => number
  readonly infer: (operands: OperandTypes<O>, attributes: AttributeValues<A>) => R
}): OpDefinition<O, A, R> => ({ level: 'mil', since: 5, effect: false, traits: {}, ...definition })
