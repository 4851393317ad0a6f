import type { DType } from '../dtype.ts'
import { choice, defaulted, defineOp, type OpTraits, one, required, requiredChoice } from '../op-definition.ts'
import { axisOf, broadcast, demand, floats, movable, numbers, oneOf, sameType } from './shapes.ts'

const elementwiseOnly: OpTraits = { elementwise: true }

const unary = (doc: string, dtypes: readonly DType[] = floats, traits: OpTraits = {}) =>
  defineOp({
    doc,
    operands: { x: one },
    attributes: {},
    traits: { elementwise: true, ...traits },
    infer: ({ x }) => {
      oneOf(x, dtypes)
      return x
    },
  })

const binary = (doc: string, traits: OpTraits = {}) =>
  defineOp({
    doc,
    operands: { x: one, y: one },
    attributes: {},
    traits: { elementwise: true, ...traits },
    infer: ({ x, y }) => {
      sameType(x, y)
      oneOf(x, numbers)
      return { dtype: x.dtype, shape: broadcast(x.shape, y.shape) }
    },
  })

const comparison = (doc: string, traits: OpTraits = {}) => {
  const base = binary(doc, traits)
  return defineOp({ ...base, infer: (operands, attributes) => ({ ...base.infer(operands, attributes), dtype: 'bool' }) })
}

const logical = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one, y: one },
    attributes: {},
    traits: { elementwise: true, commutative: true },
    infer: ({ x, y }) => {
      oneOf(x, ['bool'])
      oneOf(y, ['bool'], 'y')
      return { dtype: 'bool', shape: broadcast(x.shape, y.shape) }
    },
  })

const withAlpha = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one },
    attributes: { alpha: required('float') },
    traits: elementwiseOnly,
    infer: ({ x }) => {
      oneOf(x, floats)
      return x
    },
  })

const withAlphaBeta = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one },
    attributes: { alpha: required('float'), beta: required('float') },
    traits: elementwiseOnly,
    infer: ({ x }) => {
      oneOf(x, floats)
      return x
    },
  })

const withEpsilon = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one },
    // Core ML's own defaults are visible (1e-4 for inverse): the pure function is what a reader expects.
    attributes: { epsilon: defaulted('float', 0) },
    traits: elementwiseOnly,
    infer: ({ x }) => {
      oneOf(x, floats)
      return x
    },
  })

/** Ops that work element by element, with NumPy broadcasting where there are two operands. */
export const elementwise = {
  add: binary('x + y', { commutative: true }),
  sub: binary('x − y'),
  mul: binary('x · y', { commutative: true }),
  real_div: binary('x / y; operands are floats'),
  floor_div: binary('⌊x / y⌋'),
  mod: binary('x − y·⌊x / y⌋, with the sign of y'),
  pow: binary('x to the power y'),
  maximum: binary('the larger of x and y', { commutative: true, selects: true }),
  minimum: binary('the smaller of x and y', { commutative: true, selects: true }),
  equal: comparison('x = y', { commutative: true }),
  not_equal: comparison('x ≠ y', { commutative: true }),
  less: comparison('x < y'),
  less_equal: comparison('x ≤ y'),
  greater: comparison('x > y'),
  greater_equal: comparison('x ≥ y'),
  logical_and: logical('x and y'),
  logical_or: logical('x or y'),
  logical_xor: logical('either x or y'),
  logical_not: unary('not x', ['bool']),
  abs: unary('|x|', numbers, { selects: true }),
  sign: unary('−1, 0 or 1', numbers),
  square: unary('x²', numbers),
  exp: unary('eˣ'),
  exp2: unary('2ˣ'),
  sqrt: unary('√x'),
  erf: unary('the error function'),
  floor: unary('the largest integer ≤ x'),
  ceil: unary('the smallest integer ≥ x'),
  round: unary('the nearest integer, ties to even'),
  sin: unary('sin x'),
  cos: unary('cos x'),
  tanh: unary('tanh x'),
  sigmoid: unary('1 / (1 + e⁻ˣ)'),
  relu: unary('max(x, 0)', floats, { selects: true }),
  relu6: unary('min(max(x, 0), 6)'),
  silu: unary('x · sigmoid(x)'),
  softplus: unary('log(1 + eˣ)'),
  softsign: unary('x / (1 + |x|)'),
  identity: unary('x under another name', movable, { movement: true, selects: true, narrow: true }),
  log: withEpsilon('ln(x + epsilon)'),
  rsqrt: withEpsilon('1 / √(x + epsilon)'),
  inverse: withEpsilon('1 / (x + epsilon)'),
  elu: withAlpha('x for x ≥ 0, else alpha·(eˣ − 1)'),
  leaky_relu: withAlpha('x for x ≥ 0, else alpha·x'),
  clip: withAlphaBeta('x held between alpha and beta'),
  clamped_relu: withAlphaBeta('min(beta, x) for x ≥ 0, else min(beta, alpha·x)'),
  sigmoid_hard: withAlphaBeta('alpha·x + beta held between 0 and 1'),
  linear_activation: withAlphaBeta('alpha·x + beta'),
  scaled_tanh: withAlphaBeta('alpha · tanh(beta·x)'),
  gelu: defineOp({
    doc: 'x·Φ(x): exactly, by the tanh formula, or x·sigmoid(1.702x)',
    operands: { x: one },
    traits: elementwiseOnly,
    attributes: { mode: choice(['EXACT', 'TANH_APPROXIMATION', 'SIGMOID_APPROXIMATION'], 'EXACT') },
    infer: ({ x }) => {
      oneOf(x, floats)
      return x
    },
  }),
  cast: defineOp({
    doc: 'x converted to another type; floats are truncated to integers, bool is ≠ 0',
    operands: { x: one },
    attributes: { dtype: requiredChoice<DType>(movable) },
    // Rounds, and so is not among those that select.
    traits: { elementwise: true, narrow: true },
    infer: ({ x }, { dtype }) => ({ dtype, shape: x.shape }),
  }),
  select: defineOp({
    doc: 'a where cond holds, b elsewhere; the result has the shape that a and b broadcast to',
    operands: { cond: one, a: one, b: one },
    attributes: {},
    traits: { elementwise: true, selects: true },
    infer: ({ cond, a, b }) => {
      oneOf(cond, ['bool'], 'cond')
      sameType(a, b)
      const shape = broadcast(a.shape, b.shape)
      // Core ML infers the result from a and b alone.
      demand(
        broadcast(shape, cond.shape).every((dim, i, all) => all.length === shape.length && dim === shape[i]),
        'cond is larger than a and b',
      )
      return { dtype: a.dtype, shape }
    },
  }),
  softmax: defineOp({
    doc: 'eˣ / Σ eˣ along an axis',
    operands: { x: one },
    attributes: { axis: defaulted('int', -1) },
    infer: ({ x }, { axis }) => {
      oneOf(x, floats)
      axisOf(axis, x.shape.length)
      return x
    },
  }),
  cumsum: defineOp({
    doc: 'running sum along an axis',
    operands: { x: one },
    attributes: { axis: defaulted('int', 0), exclusive: defaulted('bool', false), reverse: defaulted('bool', false) },
    infer: ({ x }, { axis }) => {
      oneOf(x, numbers)
      axisOf(axis, x.shape.length)
      return x
    },
  }),
  one_hot: defineOp({
    doc: 'a new axis with on_value at the index and off_value elsewhere',
    operands: { indices: one },
    attributes: {
      one_hot_vector_size: required('int'),
      axis: defaulted('int', -1),
      on_value: defaulted('int', 1),
      off_value: defaulted('int', 0),
    },
    infer: ({ indices }, { axis, one_hot_vector_size }) => {
      oneOf(indices, ['int32'], 'indices')
      const at = axisOf(axis, indices.shape.length + 1)
      return { dtype: 'int32', shape: indices.shape.toSpliced(at, 0, one_hot_vector_size) }
    },
  }),
}
