import type { DType } from '../dtype.ts'
import { choice, defaulted, defineOp, one, required } from '../op-definition.ts'
import { axisOf, broadcast, demand, floats, movable, numbers, oneOf, sameType } from './shapes.ts'

const unary = (doc: string, dtypes: readonly DType[] = floats) =>
  defineOp({
    doc,
    operands: { x: one },
    attributes: {},
    infer: ({ x }) => {
      oneOf(x, dtypes)
      return x
    },
  })

const binary = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one, y: one },
    attributes: {},
    infer: ({ x, y }) => {
      sameType(x, y)
      oneOf(x, numbers)
      return { dtype: x.dtype, shape: broadcast(x.shape, y.shape) }
    },
  })

const comparison = (doc: string) => {
  const base = binary(doc)
  return defineOp({ ...base, infer: (operands, attributes) => ({ ...base.infer(operands, attributes), dtype: 'bool' }) })
}

const logical = (doc: string) =>
  defineOp({
    doc,
    operands: { x: one, y: one },
    attributes: {},
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
    infer: ({ x }) => {
      oneOf(x, floats)
      return x
    },
  })

/** Ops that work element by element, with NumPy broadcasting where there are two operands. */
export const elementwise = {
  add: binary('x + y'),
  sub: binary('x − y'),
  mul: binary('x · y'),
  real_div: binary('x / y; operands are floats'),
  floor_div: binary('⌊x / y⌋'),
  mod: binary('x − y·⌊x / y⌋, with the sign of y'),
  pow: binary('x to the power y'),
  maximum: binary('the larger of x and y'),
  minimum: binary('the smaller of x and y'),
  equal: comparison('x = y'),
  not_equal: comparison('x ≠ y'),
  less: comparison('x < y'),
  less_equal: comparison('x ≤ y'),
  greater: comparison('x > y'),
  greater_equal: comparison('x ≥ y'),
  logical_and: logical('x and y'),
  logical_or: logical('x or y'),
  logical_xor: logical('either x or y'),
  logical_not: unary('not x', ['bool']),
  abs: unary('|x|', numbers),
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
  relu: unary('max(x, 0)'),
  relu6: unary('min(max(x, 0), 6)'),
  silu: unary('x · sigmoid(x)'),
  softplus: unary('log(1 + eˣ)'),
  softsign: unary('x / (1 + |x|)'),
  identity: unary('x under another name', movable),
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
    attributes: { mode: choice(['EXACT', 'TANH_APPROXIMATION', 'SIGMOID_APPROXIMATION'], 'EXACT') },
    infer: ({ x }) => {
      oneOf(x, floats)
      return x
    },
  }),
  cast: defineOp({
    doc: 'x converted to another type; floats are truncated to integers, bool is ≠ 0',
    operands: { x: one },
    attributes: { dtype: required('text') },
    infer: ({ x }, { dtype }) => {
      demand(movable.includes(dtype as DType), () => `cannot cast to ${dtype}`)
      return { dtype: dtype as DType, shape: x.shape }
    },
  }),
  select: defineOp({
    doc: 'a where cond holds, b elsewhere; the result has the shape that a and b broadcast to',
    operands: { cond: one, a: one, b: one },
    attributes: {},
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
