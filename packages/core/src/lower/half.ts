import { Builder } from '../builder.ts'
import { type Constant, castConstant } from '../constant.ts'
import { type Attribute, constantOf, type Graph, type Op, type Value } from '../graph/graph.ts'
import { definitionOf } from '../ops/ops.ts'
import { copyBoundary, copyOutputs, mappedArguments } from '../rewrite/rewrite.ts'

/**
 * The smallest epsilon worth having in fp16. 1e-12 rounds to 0 there, and a constant row then divides 0 by 0;
 * 1e-7 is what Apple's own transformer reference uses (apple/ml-ane-transformers, layer_norm.py), and is
 * 1.19e-7, the second subnormal, once rounded. Variances of activations are many orders above it.
 */
export const EPSILON_FP16 = 1e-7

/** fp16 holds every whole number up to here, fp32 up to there. */
export const EXACT_FP16 = 2 ** 11
export const EXACT_FP32 = 2 ** 24

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
 * Exact ops keep fp32, their constants and their attributes, and so do exact inputs and outputs; casts stand at their borders.
 */
export function toHalf(graph: Graph): Graph {
  const b = new Builder(graph.name)
  const values = new Map<Value, Value>()
  /** A value for a user that computes in fp32 where `exact`, else in fp16. */
  const map = (value: Value, exact: boolean): Value => {
    const constant = constantOf(value)
    if (constant && exact) return b.constant(constant)
    const own = values.get(value) as Value
    const wanted = value.type.dtype !== 'fp32' ? own.type.dtype : exact ? 'fp32' : 'fp16'
    return own.type.dtype === wanted ? own : b.cast({ x: own, dtype: wanted })
  }
  const boundary = copyBoundary(graph, b, ({ type, port }) => (type.dtype === 'fp32' && !port?.exact ? 'fp16' : type.dtype))
  for (const { value, copy } of boundary) values.set(value, copy)
  for (const op of graph.ops) {
    const exact = op.exact === true
    const names = op.outputs.map(output => output.name)
    const attributes = Object.entries(op.attributes).map(([name, value]) => [name, exact ? value : halfAttribute(op, name, value)])
    const args = b.from(op, [], () => mappedArguments(op, value => map(value, exact)))
    const results = b.from(op, names, () => b.emit(op.kind, { ...args, ...Object.fromEntries(attributes) }))
    for (const [i, output] of op.outputs.entries()) values.set(output, results[i] as Value)
  }
  return b.finish(copyOutputs(graph, (value, { port }) => map(value, port?.exact === true)))
}

function halfAttribute(op: Op, name: string, value: Attribute): Attribute {
  if (op.kind === 'const') return halfConstant(value as Constant)
  if (op.kind === 'cast' && value === 'fp32') return 'fp16'
  if (definitionOf(op.kind)?.attributes[name]?.kind !== 'float') return value
  if (name === 'epsilon' && value !== 0) return Math.max(value as number, EPSILON_FP16)
  return Math.max(-MAX_FP16, Math.min(MAX_FP16, value as number))
}

const halfConstant = (constant: Constant): Constant => (constant.dtype === 'fp32' ? castConstant(constant, 'fp16') : constant)
