import { sizeOf } from '../constant.ts'
import type { DType } from '../dtype.ts'
import type { AttributeValues, OpDefinition } from '../op-definition.ts'
import type { OpKind, OpTable } from '../ops/ops.ts'

/** Elements in row-major order, as doubles whatever the type of the value: integers and booleans are the numbers they are. */
export type Elements = Float64Array<ArrayBuffer>

export interface Tensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Elements
}

type TensorsOf<O> = {
  readonly [N in keyof O]: O[N] extends { arity: 'many' }
    ? readonly Tensor[]
    : O[N] extends { arity: 'optional' }
      ? Tensor | undefined
      : Tensor
}

/** What an op computes: its results' elements from its operands and attributes. `shape` is the first result's, which the verifier has checked. */
export type Semantics<K extends OpKind> =
  OpTable[K] extends OpDefinition<infer O, infer A, infer _R>
    ? (operands: TensorsOf<O>, attributes: AttributeValues<A>, shape: readonly number[]) => Elements | readonly Elements[]
    : never

/** A table with an entry for each of some ops: one that is forgotten does not compile. */
export type SemanticsOf<T> = { readonly [K in Extract<keyof T, OpKind>]: Semantics<K> }

/** The elements of `shape`, computed from their indices. The index array is reused: do not keep it. */
export function fill(shape: readonly number[], element: (index: number[]) => number): Elements {
  const data = new Float64Array(sizeOf(shape))
  const index = shape.map(() => 0)
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = element(index)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1
      index[axis] = next === shape[axis] ? 0 : next
      if (next !== shape[axis]) break
    }
  }
  return data
}

/** The element at an index, with NumPy broadcasting: leading axes that `x` lacks are passed over, axes of size 1 repeat. */
export function at(x: Tensor, index: readonly number[]): number {
  const skip = index.length - x.shape.length
  let flat = 0
  for (let axis = 0; axis < x.shape.length; axis++) {
    const dim = x.shape[axis] as number
    flat = flat * dim + (dim === 1 ? 0 : (index[skip + axis] as number))
  }
  return x.data[flat] as number
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

export function sum(count: number, term: (i: number) => number): number {
  let total = 0
  for (let i = 0; i < count; i++) total += term(i)
  return total
}

export const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** Σ x[…index] over every index below `shape`. */
export function sumOver(shape: readonly number[], term: (index: readonly number[]) => number): number {
  return fill(shape, term).reduce((total, value) => total + value, 0)
}

/** Takes every line of `x` along an axis to a line of the result, which may have another length. */
export function alongAxis(x: Tensor, axis: number, map: (line: readonly number[]) => ArrayLike<number>): Elements {
  const at = positive(axis, x.shape.length)
  const length = x.shape[at] as number
  const inner = sizeOf(x.shape.slice(at + 1))
  const outer = x.data.length / length / inner
  const lines = range(outer * inner).map(line => {
    const start = Math.floor(line / inner) * length * inner + (line % inner)
    return map(range(length).map(i => x.data[start + i * inner] as number))
  })
  const long = (lines[0] as ArrayLike<number>).length
  const out = new Float64Array(outer * long * inner)
  for (const [line, values] of lines.entries()) {
    const start = Math.floor(line / inner) * long * inner + (line % inner)
    for (let i = 0; i < long; i++) out[start + i * inner] = values[i] as number
  }
  return out
}

/** The elements that differ in `axes` only, group by group; `groupOf` tells an element's group by its row-major index. */
export function grouped(x: Tensor, axes: readonly number[]): { readonly groups: readonly number[][]; readonly groupOf: Elements } {
  const gone = new Set(axes.map(axis => positive(axis, x.shape.length)))
  const kept = x.shape.map((dim, axis) => (gone.has(axis) ? 1 : dim))
  const groups = range(sizeOf(kept)).map((): number[] => [])
  const groupOf = fill(x.shape, index => kept.reduce((flat, dim, axis) => flat * dim + (dim === 1 ? 0 : (index[axis] as number)), 0))
  for (const [flat, group] of groupOf.entries()) groups[group]?.push(x.data[flat] as number)
  return { groups, groupOf }
}

/** The largest of a line, −∞ of none. A vocabulary of numbers is more than a call takes as arguments. */
export const largest = (line: readonly number[]): number => line.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY)

/** The smallest of a line, ∞ of none. */
export const smallest = (line: readonly number[]): number => line.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY)

/** eˣ / Σ eˣ of one line. */
export function softmax(line: readonly number[]): number[] {
  const most = largest(line)
  const powers = line.map(value => Math.exp(value - most))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map(power => power / total)
}
