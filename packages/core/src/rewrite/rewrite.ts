import { Builder } from '../builder.ts'
import type { Graph, Op, Value } from '../graph/graph.ts'
import type { RewriteResult } from '../plugin.ts'
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
  for (const input of graph.inputs) values.set(input, builder.input(input.name, input.type.dtype, input.type.shape))
  for (const state of graph.states) values.set(state, builder.state(state.name, state.type.dtype, state.type.shape))
  for (const op of graph.ops) {
    const names = op.outputs.map(output => output.name)
    const results = builder.from(op.origin, names, () => builder.emit(op.kind, mappedArguments(op, map)))
    for (const [i, output] of op.outputs.entries()) values.set(output, results[i] as Value)
  }
  const outputs = Object.fromEntries(graph.outputs.map(({ name, value }) => [name, map(value)]))
  return { graph: builder.finish(outputs), hits: builder.hits }
}
