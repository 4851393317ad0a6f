import type { OpArguments, OpDefinition } from '../op-definition.ts'
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

/** Every op there is, by Core ML's name. */
export const ops: Readonly<Record<string, OpDefinition>> & OpTable = table as never

/** The definition of an op, or undefined for a kind that this version does not know. */
export const definitionOf = (kind: string): OpDefinition | undefined =>
  Object.hasOwn(ops, kind) ? (ops[kind as OpKind] as unknown as OpDefinition) : undefined
