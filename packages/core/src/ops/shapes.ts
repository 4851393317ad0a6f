import type { DType } from '../dtype.ts'
import type { TensorType } from '../graph/graph.ts'

/** Says why an op is not legal. The builder adds which op. */
export function demand(condition: boolean, problem: string | (() => string)): asserts condition {
  if (!condition) throw new TypeError(typeof problem === 'string' ? problem : problem())
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((dim, i) => dim === b[i])

/** NumPy broadcasting of two shapes. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    demand(x === y || x === 1 || y === 1, () => `shapes [${a}] and [${b}] do not broadcast`)
    return x === 1 ? y : x
  })
}

/** An axis counted from the end made positive, checked against the rank. */
export function axisOf(axis: number, rank: number): number {
  demand(Number.isInteger(axis) && axis >= -rank && axis < rank, () => `axis ${axis} is outside rank ${rank}`)
  return axis < 0 ? axis + rank : axis
}

export const oneOf = (type: TensorType, dtypes: readonly DType[], name = 'x'): void =>
  demand(dtypes.includes(type.dtype), () => `${name} is ${type.dtype}; allowed: ${dtypes.join(', ')}`)

export const sameType = (...types: readonly TensorType[]): void =>
  demand(
    types.every(type => type.dtype === types[0]?.dtype),
    () => `operand types differ: ${types.map(type => type.dtype).join(', ')}`,
  )

export const floats: readonly DType[] = ['fp16', 'fp32']
export const numbers: readonly DType[] = ['fp16', 'fp32', 'int32']
/** Types that only move, from Core ML 7 on. */
export const movable = ['fp16', 'fp32', 'int32', 'bool', 'int16', 'uint16', 'int8', 'uint8'] as const satisfies readonly DType[]
