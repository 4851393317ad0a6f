import { arrayConstant, type Constant, readAll, sizeOf } from '../constant.ts'
import { castArray, isFloat } from '../dtype.ts'
import { errors } from '../errors.ts'
import { type Graph, type Op, operand, type TensorType, type Value } from '../graph/graph.ts'
import { printType } from '../graph/print.ts'
import type { OpKind } from '../ops/ops.ts'
import { own } from '../own.ts'
import type { Tensors } from '../plugin/runtime.ts'
import { composites } from './composites.ts'
import { elementwise } from './elementwise.ts'
import { linearAlgebra } from './linear-algebra.ts'
import { movement } from './movement.ts'
import { normalization } from './normalization.ts'
import type { Elements, Semantics, Tensor } from './tensor.ts'

/** One entry per op; states are the interpreter's own. */
const semantics: { readonly [K in Exclude<OpKind, 'read_state' | 'write_state'>]: Semantics<K> } = {
  const: (_, { val }) => elementsOf(val),
  ...elementwise,
  ...linearAlgebra,
  ...normalization,
  ...movement,
  ...composites,
}

export interface InterpretOptions {
  /** `exact`: everything in double precision (the default). `declared`: each result rounded to the type that the graph gives it. */
  readonly precision?: 'exact' | 'declared'
}

/**
 * What a graph computes, from the definitions of its ops in plain TypeScript: the oracle that rewrites and
 * writers are held against. Slow. States start as the input of their name, or zero, and come back among the
 * results as the run leaves them. Throws E_TYPE for an input that is missing or has another shape.
 */
export function interpret(graph: Graph, inputs: Tensors, { precision = 'exact' }: InterpretOptions = {}): Tensors {
  const values = new Map<Value, Tensor>()
  const keep = (value: Value, data: Elements): void => {
    const rounded = precision === 'declared' ? castArray(castArray(data, 'fp64', value.type.dtype), value.type.dtype, 'fp64') : data
    values.set(value, { ...value.type, data: rounded as Elements })
  }
  for (const input of graph.inputs) keep(input, elementsOf(checked(graph, input, own(inputs, input.name))))
  for (const state of graph.states) {
    const given = own(inputs, state.name)
    keep(state, given ? elementsOf(checked(graph, state, given)) : new Float64Array(sizeOf(state.type.shape)))
  }
  for (const op of graph.ops) {
    if (op.kind === 'write_state') keep(operand(op, 'input'), (values.get(operand(op, 'data')) as Tensor).data)
    else for (const [i, data] of run(op, values).entries()) keep(op.outputs[i] as Value, data)
  }
  const result = (value: Value): Constant => constantFrom(values.get(value) as Tensor, precision)
  return Object.fromEntries([
    ...graph.states.map(state => [state.name, result(state)]),
    ...graph.outputs.map(({ name, value }) => [name, result(value)]),
  ])
}

function run(op: Op, values: ReadonlyMap<Value, Tensor>): readonly Elements[] {
  const tensor = (value: Value): Tensor => values.get(value) as Tensor
  if (op.kind === 'read_state') return [tensor(operand(op, 'input')).data]
  const compute = semantics[op.kind as keyof typeof semantics] as unknown as (
    operands: Readonly<Record<string, Tensor | readonly Tensor[]>>,
    attributes: Op['attributes'],
    shape: readonly number[],
  ) => Elements | readonly Elements[]
  const operands = Object.fromEntries(
    Object.entries(op.operands).map(([name, value]) => [name, Array.isArray(value) ? value.map(tensor) : tensor(value as Value)]),
  )
  const results = compute(operands, op.attributes, (op.outputs[0] as Value).type.shape)
  return results instanceof Float64Array ? [results] : results
}

const elementsOf = (constant: Constant): Elements => castArray(readAll(constant), constant.dtype, 'fp64') as Elements

function checked(graph: Graph, value: Value, given: Constant | undefined): Constant {
  const fail = (problem: string) => errors.E_TYPE({ op: `interpret "${graph.name}"`, problem })
  if (!given) throw fail(`no input "${value.name}"`)
  if (given.shape.join() !== value.type.shape.join()) throw fail(`"${value.name}" is ${printType(given)}, not ${printType(value.type)}`)
  return given
}

function constantFrom({ dtype, shape, data }: Tensor, precision: InterpretOptions['precision']): Constant {
  const type: TensorType['dtype'] = precision === 'exact' && isFloat(dtype) ? 'fp64' : dtype
  return arrayConstant(type, shape, castArray(data, 'fp64', type))
}
