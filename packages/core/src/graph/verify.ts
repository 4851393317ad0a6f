import { errors } from '../errors.ts'
import { definitionOf } from '../ops/ops.ts'
import { type Graph, type Op, operandsOf, operandTypes, type Program, type TensorType, type Value } from './graph.ts'
import { printType } from './print.ts'

/**
 * Checks that a graph is sound: every value is defined once and before its use, names are unique, every op
 * is one that its definition allows, and its results have the types that follow. Throws E_GRAPH naming `after`,
 * the stage that made the graph.
 */
export function verifyGraph(graph: Graph, after?: string): void {
  const fail = (problem: string) => errors.E_GRAPH({ graph: graph.name, problem, after })
  const defined = new Set<Value>()
  const names = new Set<string>()
  const define = (value: Value): void => {
    if (defined.has(value)) throw fail(`"${value.name}" is defined twice`)
    if (names.has(value.name)) throw fail(`two values are called "${value.name}"`)
    if (value.type.shape.some(dim => !Number.isSafeInteger(dim) || dim < 1))
      throw fail(`"${value.name}" has the type ${printType(value.type)}`)
    defined.add(value)
    names.add(value.name)
  }
  graph.inputs.forEach(define)
  graph.states.forEach(define)
  for (const op of graph.ops) {
    for (const value of operandsOf(op)) {
      if (!defined.has(value)) throw fail(`${op.kind} uses "${value.name}" before it is defined`)
    }
    const problem = checkOp(op)
    if (problem) throw fail(problem)
    op.outputs.forEach(define)
  }
  if (graph.outputs.length === 0) throw fail('it has no outputs')
  const outputs = new Set<string>()
  for (const { name, value } of graph.outputs) {
    if (!defined.has(value)) throw fail(`output "${name}" is "${value.name}", which is not defined`)
    if (outputs.has(name)) throw fail(`two outputs are called "${name}"`)
    outputs.add(name)
  }
}

/** Checks every function of a program. */
export const verifyProgram = (program: Program, after?: string): void => {
  for (const graph of program.functions) verifyGraph(graph, after)
}

function checkOp(op: Op): string | undefined {
  const definition = definitionOf(op.kind)
  const label = op.outputs[0] ? `${op.kind} "${op.outputs[0].name}"` : op.kind
  if (!definition) return `there is no op "${op.kind}"`
  for (const name of Object.keys(op.operands)) if (!Object.hasOwn(definition.operands, name)) return `${label} has no operand "${name}"`
  for (const name of Object.keys(op.attributes))
    if (!Object.hasOwn(definition.attributes, name)) return `${label} has no attribute "${name}"`
  for (const [name, spec] of Object.entries(definition.operands)) {
    const value = op.operands[name]
    if (value === undefined && spec.arity !== 'optional') return `${label} lacks the operand "${name}"`
    if (value !== undefined && Array.isArray(value) !== (spec.arity === 'many')) return `${label}: operand "${name}" has the wrong arity`
    if (value !== undefined && spec.constant && (value as Value).producer?.kind !== 'const')
      return `${label}: operand "${name}" is not a constant`
  }
  let types: readonly TensorType[]
  try {
    types = [definition.infer(operandTypes(op.operands) as never, op.attributes as never)].flat() as TensorType[]
  } catch (error) {
    if (error instanceof TypeError) return `${label}: ${error.message}`
    throw error
  }
  const actual = op.outputs.map(output => printType(output.type)).join(', ')
  const expected = types.map(printType).join(', ')
  return actual === expected ? undefined : `${label} is declared ${actual} and computes ${expected}`
}
