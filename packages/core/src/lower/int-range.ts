import { readAll, sizeOf } from '../constant.ts'
import { constantOf, type Op, operandsOf, type Value } from '../graph/graph.ts'
import { asOp, traitsOf } from '../ops/ops.ts'

/** The least and the greatest that integers may be. */
export type IntRange = readonly [least: number, greatest: number]

const anything: IntRange = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
const flag: IntRange = [0, 1]

/** Constants with more elements are not read. */
const MOST_READ = 1 << 16

/** What an integer value of a source graph may hold, as far as its ops, constants and the ports of inputs tell. */
export function intRange(value: Value): IntRange {
  if (value.type.dtype === 'bool') return flag
  if (value.type.dtype !== 'int32') return anything
  const constant = constantOf(value)
  if (constant) return sizeOf(constant.shape) <= MOST_READ ? hull(Array.from(readAll(constant), Number)) : anything
  return value.producer ? resultRange(value.producer) : portRange(value)
}

function portRange({ port }: Value): IntRange {
  if (port?.values) return hull(port.values)
  if (port?.below !== undefined) return [0, port.below - 1]
  return port?.role === 'mask' ? flag : anything
}

function resultRange(op: Op): IntRange {
  const operands = operandsOf(op)
  // What selects gives elements that its operands have, or zeros; of a gather the indices are operands too, which widens and does not mislead.
  if (traitsOf(op.kind).movement || (traitsOf(op.kind).selects && traitsOf(op.kind).reduction)) return hull(operands.flatMap(intRange))
  const cast = asOp(op, 'cast')
  if (cast) return intRange(cast.operands.x)
  const [x, y] = operands
  if (!x || !y) return anything
  const [a, b] = [intRange(x), intRange(y)]
  if (op.kind === 'add') return [a[0] + b[0], a[1] + b[1]]
  if (op.kind === 'mul') return hull(a.flatMap(p => b.map(q => (p === 0 || q === 0 ? 0 : p * q))))
  if (op.kind === 'maximum') return [Math.max(a[0], b[0]), Math.max(a[1], b[1])]
  if (op.kind === 'minimum') return [Math.min(a[0], b[0]), Math.min(a[1], b[1])]
  return anything
}

const hull = (numbers: readonly number[]): IntRange =>
  numbers.reduce<IntRange>(([least, most], n) => [Math.min(least, n), Math.max(most, n)], [numbers[0] ?? 0, numbers[0] ?? 0])
