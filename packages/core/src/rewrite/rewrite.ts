import { Builder, type Output } from '../builder.ts'
import type { DType } from '../dtype.ts'
import type { Graph, GraphOutput, Op, Value } from '../graph/graph.ts'
import type { Port } from '../graph/port.ts'
import type { RewriteResult } from '../plugin/target.ts'
import type { Rule } from './rule.ts'

/** Operands and attributes of an op, with every operand replaced. */
export function mappedArguments(op: Op, map: (value: Value) => Value): Record<string, Value | readonly Value[] | Op['attributes'][string]> {
  const operands = Object.fromEntries(
    Object.entries(op.operands).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((v: Value) => map(v)) : map(value as Value),
    ]),
  )
  return { ...operands, ...op.attributes }
}

/**
 * Rebuilds a graph under a table of rules. Each op passes the rules when it is added, and so does what a rule
 * makes, so that one walk reaches the fixed point.
 */
export function rewriteGraph(graph: Graph, rules: readonly Rule[]): RewriteResult {
  const builder = new Builder(graph.name, { rules })
  const values = new Map<Value, Value>()
  const map = (value: Value): Value => {
    const found = values.get(value)
    if (!found) throw new TypeError(`"${value.name}" is used before it is defined`)
    return found
  }
  for (const { value, copy } of copyBoundary(graph, builder)) values.set(value, copy)
  for (const op of graph.ops) {
    const names = op.outputs.map(output => output.name)
    const results = builder.from(op, names, () => builder.emit(op.kind, mappedArguments(op, map)))
    for (const [i, output] of op.outputs.entries()) values.set(output, results[i] as Value)
  }
  return { graph: builder.finish(copyOutputs(graph, map)), hits: builder.hits }
}

/** Declares the inputs and states of a graph in the graph that is being built from it; `dtype` may give them another element type, `port` inputs another port. */
export const copyBoundary = (
  graph: Graph,
  builder: Builder,
  dtype: (value: Value) => DType = value => value.type.dtype,
  port: (port: Port | undefined) => Port | undefined = port => port,
): readonly { readonly value: Value; readonly copy: Value }[] => [
  ...graph.inputs.map(value => ({ value, copy: builder.input(value.name, dtype(value), value.type.shape, port(value.port)) })),
  ...graph.states.map(value => ({ value, copy: builder.state(value.name, dtype(value), value.type.shape, value.port) })),
]

/** The outputs of a graph for the graph that was built from it, ports and all. */
export const copyOutputs = (graph: Graph, map: (value: Value, output: GraphOutput) => Value): Readonly<Record<string, Output>> =>
  Object.fromEntries(graph.outputs.map(output => [output.name, { ...output.port, value: map(output.value, output) }]))
