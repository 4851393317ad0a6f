import { Builder } from '../builder.ts'
import { type Constant, castConstant } from '../constant.ts'
import type { Attribute, Graph, Op, Value } from '../graph/graph.ts'
import { definitionOf } from '../ops/ops.ts'

/**
 * The smallest epsilon worth having in fp16. 1e-12 rounds to 0 there, and a constant row then divides 0 by 0;
 * 1e-7 is what Apple's own transformer reference uses (apple/ml-ane-transformers, layer_norm.py), and is
 * 1.19e-7, the second subnormal, once rounded. Variances of activations are many orders above it.
 */
export const EPSILON_FP16 = 1e-7

/** The largest fp16. */
export const MAX_FP16 = 65504

/**
 * What a masked score gets in fp16: far enough below any score for exp to give exactly 0, and finite when
 * two masks add up (apple/ml-ane-transformers; −3.4e38 would be −∞ and 0·−∞ NaN).
 */
export const MASKED_FP16 = -1e4

/**
 * The graph in fp16: every fp32 value, constants included, once. Constants are rounded while they are
 * written. Epsilons are raised to one that fp16 holds, other float attributes are held within its range.
 */
export function toHalf(graph: Graph): Graph {
  const b = new Builder(graph.name)
  const values = new Map<Value, Value>()
  const map = (value: Value): Value => values.get(value) as Value
  const half = (value: Value) => (value.type.dtype === 'fp32' ? 'fp16' : value.type.dtype)
  for (const input of graph.inputs) values.set(input, b.input(input.name, half(input), input.type.shape))
  for (const state of graph.states) values.set(state, b.state(state.name, half(state), state.type.shape))
  for (const op of graph.ops) {
    const operands = Object.fromEntries(
      Object.entries(op.operands).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map((v: Value) => map(v)) : map(value as Value),
      ]),
    )
    const attributes = Object.fromEntries(Object.entries(op.attributes).map(([name, value]) => [name, halfAttribute(op, name, value)]))
    const names = op.outputs.map(output => output.name)
    const results = b.from(op.origin, names, () => b.emit(op.kind, { ...operands, ...attributes }))
    for (const [i, output] of op.outputs.entries()) values.set(output, results[i] as Value)
  }
  return b.finish(Object.fromEntries(graph.outputs.map(({ name, value }) => [name, map(value)])))
}

function halfAttribute(op: Op, name: string, value: Attribute): Attribute {
  if (op.kind === 'const') return halfConstant(value as Constant)
  if (op.kind === 'cast' && value === 'fp32') return 'fp16'
  if (definitionOf(op.kind)?.attributes[name]?.kind !== 'float') return value
  if (name === 'epsilon' && value !== 0) return Math.max(value as number, EPSILON_FP16)
  return Math.max(-MAX_FP16, Math.min(MAX_FP16, value as number))
}

const halfConstant = (constant: Constant): Constant => (constant.dtype === 'fp32' ? castConstant(constant, 'fp16') : constant)
