import {
  allocate,
  arrayConstant,
  type Graph,
  isFloat,
  type NumericArray,
  type Op,
  operandsOf,
  sizeOf,
  type Tensors,
  type Value,
} from '@silane/core'

/**
 * Inputs for a comparison where nobody gave any, the same on every run: in turns one that fills the shape and one padded on the
 * right. Ids stay within the table that they index.
 */
export const sampleInputs = (graph: Graph, count = 2): readonly Tensors[] =>
  Array.from({ length: count }, (_, index) => sample(graph, index))

function sample(graph: Graph, index: number): Tensors {
  // What a state holds before the call is an input of the comparison.
  const inputs = [...graph.inputs, ...graph.states].map((value, position) => [value.name, fill(graph, value, index, position)] as const)
  return Object.fromEntries(inputs)
}

function fill(graph: Graph, value: Value, index: number, position: number) {
  const { dtype, shape } = value.type
  const random = generator(index * 1009 + position * 31 + 7)
  const data = allocate(dtype, sizeOf(shape))
  if (isFloat(dtype)) fillNormal(data, random)
  else if (value.name.includes('mask')) fillMask(data, shape.at(-1) ?? 1, index)
  else if (value.name.includes('position')) fillWith(data, at => at % (shape.at(-1) ?? 1))
  else {
    const limit = rowsIndexedBy(graph, value)
    fillWith(data, () => Math.floor(random() * limit))
  }
  return arrayConstant(dtype, shape, data)
}

/** Every second sample has padding: a quarter of the row, at least one where there is room. */
function fillMask(data: NumericArray, length: number, index: number): void {
  const real = index % 2 === 0 || length < 2 ? length : length - Math.max(1, Math.floor(length / 4))
  fillWith(data, at => (at % length < real ? 1 : 0))
}

function fillWith(data: NumericArray, element: (at: number) => number): void {
  for (let at = 0; at < data.length; at++) {
    if (data instanceof BigInt64Array) data[at] = BigInt(element(at))
    else data[at] = element(at)
  }
}

/** Ops that pass integers on: what is gathered behind them is indexed by the input. */
const passing = new Set([
  'reshape',
  'expand_dims',
  'squeeze',
  'cast',
  'slice_by_index',
  'concat',
  'transpose',
  'identity',
  'split',
  'stack',
  'tile',
])

/** Rows of the smallest table that the input indexes; 2 where it indexes none, as a segment or a flag. */
function rowsIndexedBy(graph: Graph, input: Value): number {
  const reached = new Set<Value>([input])
  let rows = Number.POSITIVE_INFINITY
  for (const op of graph.ops) {
    if (!operandsOf(op).some(value => reached.has(value))) continue
    if (passing.has(op.kind)) for (const output of op.outputs) reached.add(output)
    rows = Math.min(rows, tableRows(op, reached))
  }
  return Number.isFinite(rows) ? rows : 2
}

function tableRows(op: Op, reached: ReadonlySet<Value>): number {
  const { x, indices } = op.operands
  if (op.kind !== 'gather' || !x || Array.isArray(x) || !indices || Array.isArray(indices)) return Number.POSITIVE_INFINITY
  if (!reached.has(indices as Value)) return Number.POSITIVE_INFINITY
  const { shape } = (x as Value).type
  const axis = Number(op.attributes.axis)
  return shape[axis < 0 ? axis + shape.length : axis] ?? 2
}

/** mulberry32: small, fast, and equal everywhere. */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Numbers drawn for one tensor at most: a cache has millions, and more of them say no more. A prime, so that rows do not repeat in step. */
const DRAWN = 65521

function fillNormal(data: NumericArray, random: () => number): void {
  const drawn = Math.min(data.length, DRAWN)
  for (let at = 0; at < drawn; at++) data[at] = gaussian(random)
  for (let at = drawn; at < data.length; at += drawn) data.copyWithin(at, 0, Math.min(drawn, data.length - at))
}

const gaussian = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
