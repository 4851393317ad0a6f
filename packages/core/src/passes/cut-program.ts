import { Builder, type Output } from '../builder.ts'
import { denseConstant, sizeOf } from '../constant.ts'
import { errors } from '../errors.ts'
import { constantOf, type Graph, type Op, operand, operandsOf, type Program, type Value } from '../graph/graph.ts'
import type { PortRole } from '../graph/port.ts'
import { fromChannels, toChannels } from '../nn/layers.ts'
import { asOp, definitionOf } from '../ops/ops.ts'
import { own } from '../own.ts'
import type { Step } from '../plugin/pipeline.ts'
import { mappedArguments } from '../rewrite/rewrite.ts'

export interface CutOptions {
  /** Bytes that a part may have: its constants, each once, and what its ops take. */
  readonly limit: number
  /** What a float takes as it is stored. */
  readonly bytesPerFloat: number
}

/** Bytes of a program beside its weights, for each op: as encoded some 300 to 700, of which names are the most. */
const BYTES_PER_OP = 700

/** Ops that the lowering makes of a source op: of attention, for each head, two products, masks, a softmax, pieces of keys and values. */
const loweredOps = (op: Op): number => 1 + 8 * (asOp(op, 'attention')?.attributes.heads ?? 0) + (asOp(op, 'cached_attention') ? 16 : 0)

/**
 * Floats that the lowering of a source op stores besides its own constants: of decomposed relative positions a table for every window,
 * and the row and column of each key.
 */
function loweredFloats(op: Op): number {
  const { query, relative_rows: rows, relative_columns: columns } = asOp(op, 'attention')?.operands ?? {}
  if (!query || !rows || !columns) return 0
  const windows = query.type.shape.slice(0, -2).reduce((product, dim) => product * dim, 1)
  const [keyRows, keyColumns] = [rows, columns].map(table => table.type.shape[1] as number) as [number, number]
  return windows * (sizeOf(rows.type.shape) + sizeOf(columns.type.shape) + keyRows * keyColumns * (keyRows + keyColumns))
}

/** The names under which one part hands over to the next; a part in the middle, which has an input of the first name, gives the second. */
const HANDED = 'hidden_states'
const HANDED_ON = 'hidden_states_out'

/**
 * A program in parts that each stay within a size, named `NAME_0`, `NAME_1` …, or the program itself where it does.
 *
 * A cut is a place in the order of the ops where a single float value crosses: what a layer hands to the next. What is made of masks,
 * positions and caches alone is made anew in every part that uses it. Inputs,
 * outputs and states that are stacked by layer are taken apart: a part has the layers that it uses or makes. A value [B, S, C] is handed
 * over as [B, C, 1, S], the layout that the parts compute in; others as they are. All functions are cut at the same places.
 * Throws E_OPTION where no cut is small enough.
 */
export function cutProgram(program: Program, options: CutOptions): readonly Program[] {
  const functions = program.functions.map(crossings)
  const [first] = functions as [Crossings, ...Crossings[]]
  if (
    bytesOf(
      functions.map(f => f.graph.ops),
      options,
    ) <= options.limit
  )
    return [program]
  const places = functions.every(f => f.places.length === first.places.length) ? first.places.length : 0
  /** The ops of every function between two cuts, counted from 0, the start, to `places` + 1, the end. */
  const between = (from: number, to: number) =>
    functions.map(({ graph, places: at, free }) => needed(graph, at[from - 1]?.index ?? 0, at[to - 1]?.index ?? graph.ops.length, free))
  const cuts = [0]
  for (let from = 0; from <= places; ) {
    let to = from + 1
    if (bytesOf(between(from, to), options) > options.limit) {
      const least = bytesOf(between(from, to), options)
      const problem = `${options.limit} bytes do not hold a part of "${program.name}" that cannot be cut further, which takes ${least}`
      throw errors.E_OPTION({ option: '--max-package-size', problem })
    }
    while (to <= places && bytesOf(between(from, to + 1), options) <= options.limit) to++
    cuts.push(to)
    from = to
  }
  return cuts.slice(1).map((to, part) => ({
    name: `${program.name}_${part}`,
    functions: functions.map(f => partOf(f, cuts[part] as number, to)),
  }))
}

/** The steps with a program's parts in its place. */
export function cutSteps(steps: readonly Step[], program: Program, parts: readonly Program[]): readonly Step[] {
  return steps.flatMap((step): readonly Step[] => {
    if ('decode' in step)
      return [{ ...step, decode: step.decode.flatMap(name => (name === program.name ? parts.map(part => part.name) : [name])) }]
    if (!('call' in step) || step.call !== program.name) return [step]
    return parts.map(({ name, functions: [graph] }) => {
      const inputs = graph?.inputs.map(input => input.name) ?? []
      const outputs = graph?.outputs ?? []
      const handed = outputs.find(({ port }) => port?.role === 'hidden')
      return {
        call: name,
        feeds: Object.fromEntries(inputs.map(input => [input, own(step.feeds, input) ?? HANDED])),
        gives: {
          ...Object.fromEntries(Object.entries(step.gives).filter(([, output]) => outputs.some(({ name }) => name === output))),
          ...(handed ? { [HANDED]: handed.name } : {}),
        },
      }
    })
  })
}

/** Where a graph can be cut. */
interface Crossings {
  readonly graph: Graph
  /** In order: the number of ops before the cut, and the value that crosses. */
  readonly places: readonly { readonly index: number; readonly value: Value }[]
  /** Ops that each part may compute anew. */
  readonly free: ReadonlySet<Op>
}

function crossings(graph: Graph): Crossings {
  const free = freeOps(graph)
  const stacked = stackedOutputs(graph)
  // The last op that needs a value, as far as a cut before it would part the two.
  const last = new Map<Value, number>()
  for (const [index, op] of graph.ops.entries()) {
    // What is stacked at the end is made where its layer is.
    if (stacked.has(op)) continue
    for (const value of operandsOf(op)) last.set(value, index)
  }
  const places: { index: number; value: Value }[] = []
  const open = new Set<Value>()
  for (const [index, op] of graph.ops.entries()) {
    for (const value of [...open]) if ((last.get(value) ?? -1) <= index - 1) open.delete(value)
    const [only, ...more] = [...open].filter(value => (last.get(value) ?? -1) >= index)
    if (only && more.length === 0 && places.at(-1)?.value !== only && isHandedOver(only)) places.push({ index, value: only })
    if (!free.has(op)) for (const value of op.outputs) if ((last.get(value) ?? -1) > index) open.add(value)
  }
  // A part of a decoder has a cache: what stands before the first layer, and the scores behind the last, come with them.
  const cached = graph.ops.flatMap((op, index) => (!free.has(op) && operandsOf(op).some(holdsLayer) ? [index] : []))
  const [from = -1, to = graph.ops.length] = [cached[0], cached.at(-1)]
  return { graph, places: places.filter(({ index }) => index > from && index <= to), free }
}

/** Whether a value is a layer's part of a cache. */
const holdsLayer = (value: Value): boolean => stackOf(asOp(value.producer, 'split')?.operands.x ?? value)?.port?.role === 'cache'

const isHandedOver = (value: Value): boolean => value.type.dtype === 'fp32'

/** Inputs that every part takes for itself; of those stacked by layer, its own. */
const shared: ReadonlySet<PortRole> = new Set(['mask', 'positions', 'cache', 'cross'])

/** Ops that depend on such inputs, on states and on constants alone: masks, biases, slots of a cache. */
function freeOps(graph: Graph): ReadonlySet<Op> {
  const free = new Set<Op>()
  const isFree = ({ producer, port }: Value): boolean => (producer ? free.has(producer) : port !== undefined && shared.has(port.role))
  for (const op of graph.ops) if (definitionOf(op.kind)?.level === 'mil' && operandsOf(op).every(isFree)) free.add(op)
  return free
}

/** The ops that put an output, or what is written to a state, together from its layers. */
function stackedOutputs(graph: Graph): ReadonlySet<Op> {
  const found = new Set<Op>()
  const add = (value: Value | undefined) => {
    const stack = asOp(value?.producer, 'concat')
    if (stack?.attributes.axis === 0) found.add(stack)
    return stack
  }
  for (const { value, port } of graph.outputs) if (port?.updates !== undefined) add(value)
  for (const op of graph.ops) {
    const write = asOp(op, 'write_state')
    const update = asOp(write?.operands.data.producer, 'slice_update')
    if (!write || !update) continue
    found.add(write)
    found.add(update)
    add(update.operands.update)
  }
  return found
}

/** The ops from `from` to before `to`, and the free ones that they use, in order. */
function needed(graph: Graph, from: number, to: number, free: ReadonlySet<Op>): readonly Op[] {
  const used = new Set<Op>()
  const stacked = stackedOutputs(graph)
  const want = graph.ops.slice(from, to).filter(op => !free.has(op) && !stacked.has(op))
  for (let op = want.pop(); op; op = want.pop()) {
    if (used.has(op)) continue
    used.add(op)
    for (const { producer } of operandsOf(op)) if (producer && free.has(producer)) want.push(producer)
  }
  return graph.ops.filter(op => used.has(op))
}

/** Bytes of the constants, each once whatever functions use it, and of the ops. */
function bytesOf(functions: readonly (readonly Op[])[], { bytesPerFloat }: CutOptions): number {
  const seen = new Map<string, number>()
  let [ops, floats] = [0, 0]
  for (const list of functions) {
    for (const op of list) {
      const constant = constantOf(op.outputs[0])
      if (constant) seen.set(constant.id, sizeOf(constant.shape) * bytesPerFloat)
      else {
        ops += loweredOps(op)
        floats += loweredFloats(op)
      }
    }
  }
  return [...seen.values()].reduce((sum, size) => sum + size, 0) + floats * bytesPerFloat + ops * BYTES_PER_OP
}

/** The ops between two cuts as a graph of its own. */
function partOf({ graph, places, free }: Crossings, from: number, to: number): Graph {
  const b = new Builder(graph.name)
  const begin = places[from - 1]
  const end = places[to - 1]
  const ops = needed(graph, begin?.index ?? 0, end?.index ?? graph.ops.length, free)
  const used = new Set(ops.flatMap(operandsOf))
  const values = new Map<Value, Value>()
  const map = (value: Value): Value => values.get(value) as Value
  if (begin) values.set(begin.value, takeOver(b, begin.value))
  const layers = stackedLayers(graph, used)
  for (const input of graph.inputs) {
    const rows = layers.get(input)
    const { name, type, port } = input
    if (rows)
      values.set(
        input,
        b.input(
          name,
          type.dtype,
          type.shape.with(0, rows.length),
          port && { ...port, layers: [rows[0] as number, (rows.at(-1) as number) + 1] },
        ),
      )
    else if (used.has(input)) values.set(input, b.input(name, type.dtype, type.shape, port))
  }
  for (const state of graph.states) {
    const rows = layers.get(state)
    const { name, type, port } = state
    if (rows || used.has(state)) values.set(state, b.state(name, type.dtype, rows ? type.shape.with(0, rows.length) : type.shape, port))
  }
  for (const op of ops) {
    const names = op.outputs.map(output => output.name)
    const source = stackOf(operand0(op))
    const rows = asOp(op, 'split') && source && layers.get(source)
    const results = b.from(op, names, () =>
      rows ? layersOf(b, map(operand(op, 'x')), rows.length) : b.emit(op.kind, mappedArguments(op, map)),
    )
    const kept = rows ? rows.map(row => op.outputs[row] as Value) : op.outputs
    for (const [i, output] of kept.entries()) values.set(output, results[i] as Value)
  }
  const made = (stack: readonly Value[]): readonly Value[] =>
    stack.filter(value => value.producer && !free.has(value.producer) && values.has(value)).map(map)
  const outputs: Record<string, Output> = {}
  if (end) outputs[begin ? HANDED_ON : HANDED] = { value: handOver(b, map(end.value)), role: 'hidden' }
  for (const { name, value, port } of graph.outputs) {
    const stack = port?.updates === undefined ? undefined : asOp(value.producer, 'concat')
    const rows = stack && made(stack.operands.values)
    if (rows && rows.length > 0) outputs[name] = { ...port, value: stacked(b, rows) }
    // What needs no layer at all comes with the last part.
    else if (value.producer && free.has(value.producer)) {
      if (!end) outputs[name] = { ...port, value: copyOf(b, value, map) }
    } else if (!rows && values.has(value) && value !== begin?.value) outputs[name] = { ...port, value: map(value) }
  }
  for (const op of graph.ops) writeLayers(b, op, map, made)
  return b.finish(outputs)
}

const operand0 = (op: Op): Value | undefined => operandsOf(op)[0]

/** The input or state that a value holds, where it is stacked by layer. */
function stackOf(value: Value | undefined): Value | undefined {
  const held = asOp(value?.producer, 'read_state')?.operands.input ?? value
  return held?.port?.role === 'cache' || held?.port?.role === 'cross' ? held : undefined
}

/** Of each input and state that is taken apart by layer, the rows that are used. */
function stackedLayers(graph: Graph, used: ReadonlySet<Value>): ReadonlyMap<Value, readonly number[]> {
  const found = new Map<Value, readonly number[]>()
  for (const op of graph.ops) {
    const split = asOp(op, 'split')
    const source = split && stackOf(split.operands.x)
    if (!source || split.attributes.axis !== 0) continue
    const rows = split.outputs.flatMap((output, row) => (used.has(output) ? [row] : []))
    if (rows.length > 0) found.set(source, rows)
  }
  return found
}

const layersOf = (b: Builder, x: Value, count: number): readonly Value[] =>
  count === 1 ? [x] : b.split({ x, axis: 0, split_sizes: Array<number>(count).fill(1) })

const stacked = (b: Builder, rows: readonly Value[]): Value =>
  rows.length === 1 ? (rows[0] as Value) : b.concat({ values: rows, axis: 0 })

const takeOver = (b: Builder, { type: { dtype, shape } }: Value): Value => {
  const [batch, tokens, width] = shape as [number, number, number]
  if (shape.length !== 3) return b.input(HANDED, dtype, shape, { role: 'hidden' })
  return fromChannels(b, b.input(HANDED, dtype, [batch, width, 1, tokens], { role: 'hidden' }))
}

const handOver = (b: Builder, x: Value): Value => (x.type.shape.length === 3 ? toChannels(b, x) : x)

/** What is written to a state for the layers of this part: the same update, of fewer rows. */
function writeLayers(b: Builder, op: Op, map: (value: Value) => Value, made: (stack: readonly Value[]) => readonly Value[]): void {
  const write = asOp(op, 'write_state')
  const update = asOp(write?.operands.data.producer, 'slice_update')
  if (!write || !update) return
  const stack = asOp(update.operands.update.producer, 'concat')
  const rows = made(stack ? stack.operands.values : [update.operands.update])
  if (rows.length === 0) return
  const state = map(write.operands.input)
  const bound = (value: Value, first: number): Value => {
    const ends = asOp(value.producer, 'concat')?.operands.values ?? []
    const [fixed, slot] = ends
    const known = constantOf(fixed)
    if (!known || !slot) throw new TypeError('the bounds of a cache are not (row, channel, 1) and a slot')
    const [, channel = 0, unit = 0] = Array.from(known.read(0, 3), Number)
    return b.concat({
      values: [b.constant(denseConstant('int32', [3], Int32Array.of(first, channel, unit))), copyOf(b, slot, map)],
      axis: 0,
    })
  }
  b.from(write, [], () => {
    const data = b.slice_update({
      x: b.read_state({ input: state }),
      update: stacked(b, rows),
      begin: bound(update.operands.begin, 0),
      end: bound(update.operands.end, rows.length),
    })
    b.write_state({ input: state, data })
  })
}

/** A value made of inputs and constants alone, anew unless it is there. */
function copyOf(b: Builder, value: Value, map: (value: Value) => Value): Value {
  const known = map(value)
  const op = value.producer
  if (known || !op) return known
  const results = b.from(op, [], () =>
    b.emit(
      op.kind,
      mappedArguments(op, each => copyOf(b, each, map)),
    ),
  )
  return results[op.outputs.indexOf(value)] as Value
}
