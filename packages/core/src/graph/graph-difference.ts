import { type Constant, sizeOf } from '../constant.ts'
import { allocate, bytesOf, castArray, type DType, type NumericArray } from '../dtype.ts'
import { definitionOf } from '../ops/ops.ts'
import { type Attribute, constantOf, type Graph, type Op, operandsOf, type Value } from './graph.ts'
import { printType } from './print.ts'

/**
 * What tells two graphs apart that are meant to compute the same in the same steps, as a phrase; undefined where nothing does.
 * Names inside do not count, and neither do identities: files need some. Constants are read and compared byte by byte, a chunk
 * at a time, and numbers among the attributes as the type of the op's first operand holds them, which is how files hold them.
 * `known` keeps pairs of constants that were found equal, for functions that share them.
 */
export function graphDifference(expected: Graph, actual: Graph, known: Set<string> = new Set()): string | undefined {
  const border = (values: readonly Value[]) => values.map(({ name, type }) => `${name}: ${printType(type)}`).join(', ')
  for (const part of ['inputs', 'states'] as const) {
    if (border(expected[part]) !== border(actual[part]))
      return `its ${part} are ${border(actual[part])} instead of ${border(expected[part])}`
  }
  const outputs = (graph: Graph) => graph.outputs.map(({ name }) => name).join(', ')
  if (outputs(expected) !== outputs(actual)) return `its outputs are ${outputs(actual)} instead of ${outputs(expected)}`

  /** A value of the expected graph → the one that stands for it. */
  const standing = new Map<Value, Value>()
  for (const part of ['inputs', 'states'] as const)
    for (const [i, value] of expected[part].entries()) standing.set(value, actual[part][i] as Value)
  const same = (a: Value, b: Value): boolean => {
    const [x, y] = [withoutIdentity(a), withoutIdentity(b)]
    const [c, d] = [constantOf(x), constantOf(y)]
    return c && d ? sameConstant(c, d, known) : standing.get(x) === y
  }

  const [ops, others] = [computing(expected), computing(actual)]
  for (const [i, op] of ops.entries()) {
    const other = others[i]
    const problem = other ? opDifference(op, other, same, known) : 'is missing'
    if (problem !== undefined) return `op ${i}, ${op.kind} "${op.outputs[0]?.name ?? ''}", ${problem}`
    for (const [k, output] of op.outputs.entries()) standing.set(output, other?.outputs[k] as Value)
  }
  if (others.length > ops.length) return `it has ${others.length} ops instead of ${ops.length}`
  const moved = expected.outputs.find(({ value }, i) => !same(value, actual.outputs[i]?.value as Value))
  return moved && `the output "${moved.name}" is another value`
}

const computing = (graph: Graph): Op[] => graph.ops.filter(({ kind }) => kind !== 'const' && kind !== 'identity')

function withoutIdentity(value: Value): Value {
  let current = value
  while (current.producer?.kind === 'identity') current = operandsOf(current.producer)[0] as Value
  return current
}

function opDifference(op: Op, other: Op, same: (a: Value, b: Value) => boolean, known: Set<string>): string | undefined {
  if (op.kind !== other.kind) return `is ${other.kind}`
  const types = (from: Op) => from.outputs.map(({ type }) => printType(type)).join(', ')
  if (types(op) !== types(other)) return `gives ${types(other)} instead of ${types(op)}`
  for (const key of new Set([...Object.keys(op.operands), ...Object.keys(other.operands)])) {
    const [mine, its] = [[op.operands[key] ?? []].flat() as Value[], [other.operands[key] ?? []].flat() as Value[]]
    if (mine.length !== its.length || !mine.every((value, k) => same(value, its[k] as Value))) return `takes another ${key}`
  }
  const dtype = operandsOf(op)[0]?.type.dtype ?? 'fp32'
  for (const [key, { fallback }] of Object.entries(definitionOf(op.kind)?.attributes ?? {})) {
    const [mine, its] = [op.attributes[key] ?? fallback, other.attributes[key] ?? fallback]
    if (!sameAttribute(mine, its, dtype, known)) return `has ${key} ${shown(its)} instead of ${shown(mine)}`
  }
  return undefined
}

const isConstant = (value: Attribute | undefined): value is Constant => typeof value === 'object' && 'id' in value

const shown = (value: Attribute | undefined): string => (isConstant(value) ? `<${value.id}>` : String(value))

function sameAttribute(a: Attribute | undefined, b: Attribute | undefined, dtype: DType, known: Set<string>): boolean {
  if (isConstant(a) || isConstant(b)) return isConstant(a) && isConstant(b) && sameConstant(a, b, known)
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameAttribute(item, b[i], dtype, known))
  if (typeof a === 'number' && typeof b === 'number') return Object.is(a, b) || Object.is(held(a, dtype), held(b, dtype))
  return a === b
}

const held = (value: number, dtype: DType): number => Number(castArray(Float64Array.of(value), 'fp64', dtype)[0])

/** Elements compared at a time: as long as a writer's chunks, which views compute in one piece. */
const CHUNK = 1 << 16

function sameConstant(a: Constant, b: Constant, known: Set<string>): boolean {
  if (printType(a) !== printType(b)) return false
  if (a.id === b.id) return true
  const pair = `${a.dtype} ${a.id} ${b.id}`
  if (known.has(pair)) return true
  const size = sizeOf(a.shape)
  const [own, its] = [a, b].map(({ dtype }) => allocate(dtype, Math.min(CHUNK, size)))
  for (let start = 0; start < size; start += CHUNK) {
    const count = Math.min(CHUNK, size - start)
    if (!sameBytes(a.read(start, count, own), b.read(start, count, its))) return false
  }
  known.add(pair)
  return true
}

function sameBytes(a: NumericArray, b: NumericArray): boolean {
  const [x, y] = [bytesOf(a), bytesOf(b)]
  if (x.length !== y.length) return false
  // Four at a time where both begin at a word.
  const words = x.byteOffset % 4 === 0 && y.byteOffset % 4 === 0 ? x.length >>> 2 : 0
  const [v, w] = [new Uint32Array(x.buffer, words && x.byteOffset, words), new Uint32Array(y.buffer, words && y.byteOffset, words)]
  for (let i = 0; i < words; i++) if (v[i] !== w[i]) return false
  for (let i = words * 4; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}
