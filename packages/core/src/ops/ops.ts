import { type Op, operandTypes, type Value } from '../graph/graph.ts'
import type { AttributeValues, OpArguments, OpDefinition, OperandValues, OpTraits } from '../op-definition.ts'
import { composites } from './composites.ts'
import { elementwise } from './elementwise.ts'
import { linearAlgebra } from './linear-algebra.ts'
import { movement } from './movement.ts'
import { normalization } from './normalization.ts'
import { state } from './state.ts'

const table = { ...state, ...elementwise, ...linearAlgebra, ...normalization, ...movement, ...composites }

export type OpTable = typeof table
export type OpKind = keyof OpTable
export type ArgumentsOf<K extends OpKind> = OpTable[K] extends OpDefinition<infer O, infer A, infer _R> ? OpArguments<O, A> : never

/** An op of a known kind, its operands and attributes typed as its definition says. */
export type OpOf<K extends OpKind> = Op & { readonly kind: K } & (OpTable[K] extends OpDefinition<infer O, infer A, infer _R>
    ? { readonly operands: OperandValues<O>; readonly attributes: AttributeValues<A> }
    : never)

/** The op as one of this kind; undefined where it is another, or none. */
export const asOp = <K extends OpKind>(op: Op | undefined, kind: K): OpOf<K> | undefined =>
  op?.kind === kind ? (op as OpOf<K>) : undefined

/** Every op there is, by Core ML's name. */
export const ops: Readonly<Record<string, OpDefinition>> & OpTable = table as never

/** The definition of an op, or undefined for a kind that this version does not know. */
export const definitionOf = (kind: string): OpDefinition | undefined =>
  Object.hasOwn(ops, kind) ? (ops[kind as OpKind] as unknown as OpDefinition) : undefined

/** What holds of a kind of op; nothing, for one that this version does not know. */
export const traitsOf = (kind: string): OpTraits => definitionOf(kind)?.traits ?? {}

/** The kinds of op for which a trait holds. */
export const kindsThat = (trait: keyof OpTraits): readonly string[] => Object.keys(ops).filter(kind => traitsOf(kind)[trait])

/** Multiply-accumulates of an op. */
export const macsOf = (op: Op): number =>
  definitionOf(op.kind)?.macs?.(operandTypes(op.operands) as never, op.attributes as never, (op.outputs[0] as Value).type) ?? 0
