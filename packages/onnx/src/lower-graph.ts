import { create } from '@bufbuild/protobuf'
import {
  type Constant,
  constantOf,
  errors as coreErrors,
  type Graph,
  type Op,
  operand,
  type TensorType,
  traitsOf,
  type Value,
} from '@silane/core'
import { computedType, Emitter, type Initializer } from './emitter.ts'
import { errors } from './errors.ts'
import { GraphSchema, type Graph as OnnxGraph, type ValueInfo, ValueInfoSchema } from './gen/onnx_pb.ts'
import { onnxTypes } from './onnx-types.ts'
import { spellings } from './spell/spellings.ts'

export interface LowerOptions {
  /** `fp16`: every float that the graph declares as fp16 is rounded to it where it arises. */
  readonly rounding: 'none' | 'fp16'
  /** The type of integer inputs and outputs. */
  readonly idType: 'int64' | 'int32'
}

export interface LoweredGraph {
  /** Without initializers, which are written with their data. */
  readonly graph: OnnxGraph
  readonly initializers: readonly Initializer[]
}

/**
 * A graph as ONNX nodes that compute in float32. onnxruntime's CPU kernels do not round in fp16, so a graph of fp16 is either
 * computed as float32 or, to see what a device would, rounded by a pair of casts behind every op; the pair survives every
 * optimisation and overflows to infinity as it should.
 * A state NAME is an input NAME and an output NAME_out.
 */
export function lowerGraph(graph: Graph, options: LowerOptions): LoweredGraph {
  refuseSharedNames(graph)
  const e = new Emitter(graph)
  const round = (value: Value, name: string): string =>
    options.rounding === 'fp16' && value.type.dtype === 'fp16' ? e.cast(e.cast(name, 'fp16'), 'fp32') : name
  const states = new Map<Value, string>()

  for (const input of graph.inputs) {
    e.scope = input.name
    if (input.type.dtype === 'int32' && options.idType === 'int64') e.bindWide(input, input.name)
    else e.bind(input, round(input, input.name))
  }
  for (const state of graph.states) {
    e.scope = state.name
    states.set(state, round(state, state.name))
  }
  for (const op of graph.ops) {
    e.scope = op.outputs[0]?.name ?? op.kind
    for (const [value, name] of lowerOp(op, e, states)) e.bind(value, traitsOf(op.kind).selects ? name : round(value, name))
  }
  const outputs: ValueInfo[] = []
  for (const { name, value } of graph.outputs) {
    e.scope = `${name}_value`
    const wide = value.type.dtype === 'int32' && options.idType === 'int64'
    e.output(wide ? e.cast(e.name(value), 'int64') : e.name(value), name)
    outputs.push(describe(name, value.type, options))
  }
  for (const state of graph.states) {
    const name = `${state.name}_out`
    e.output(states.get(state) as string, name)
    outputs.push(describe(name, state.type, options))
  }
  const inputs = [...graph.inputs, ...graph.states].map(value => describe(value.name, value.type, options))
  const node = [...e.widenings, ...e.nodes]
  return { graph: create(GraphSchema, { name: graph.name, node, input: inputs, output: outputs }), initializers: e.initializers }
}

/** Inputs, outputs and states have one name space in ONNX. */
function refuseSharedNames({ name: graph, inputs, states, outputs }: Graph): void {
  const names = new Set<string>()
  for (const name of [...inputs, ...states, ...outputs].map(({ name }) => name).concat(states.map(({ name }) => `${name}_out`))) {
    if (names.has(name)) throw coreErrors.E_GRAPH({ graph, problem: `"${name}" is the name of two inputs, states or outputs` })
    names.add(name)
  }
}

function lowerOp(op: Op, e: Emitter, states: Map<Value, string>): [Value, string][] {
  const [first] = op.outputs
  if (op.kind === 'const') return [[first as Value, e.constant(constantOf(first) as Constant)]]
  if (op.kind === 'read_state') return [[first as Value, states.get(operand(op, 'input')) as string]]
  if (op.kind === 'write_state') {
    states.set(operand(op, 'input'), e.name(operand(op, 'data')))
    return []
  }
  const spelling = Object.hasOwn(spellings, op.kind) ? spellings[op.kind] : undefined
  if (!spelling) throw errors.E_ONNX_SPELLING({ op: op.kind, problem: 'there is no spelling for it' })
  const names = [spelling(op, e)].flat() as string[]
  return op.outputs.map((output, i) => [output, names[i] as string])
}

function describe(name: string, { dtype, shape }: TensorType, { idType }: LowerOptions): ValueInfo {
  const elemType = onnxTypes[dtype === 'int32' ? idType : computedType(dtype)]
  const dim = shape.map(size => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }))
  return create(ValueInfoSchema, { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } })
}
