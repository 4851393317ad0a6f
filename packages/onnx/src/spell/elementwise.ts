import { isFloat, operand, type TensorType } from '@silane/core'
import type { Emitter } from '../emitter.ts'
import { onnxTypes } from '../onnx-types.ts'
import { flag, input, number, result, type Spelling, type Spellings, text } from './spelling.ts'

const unary =
  (opType: string): Spelling =>
  (op, e) =>
    e.add(opType, [input(op, e, 'x')])

const binary =
  (opType: string): Spelling =>
  (op, e) =>
    e.add(opType, [input(op, e, 'x'), input(op, e, 'y')])

/** f(x + epsilon), the addition left out where epsilon is 0. */
const shifted =
  (apply: (x: string, e: Emitter) => string): Spelling =>
  (op, e) => {
    const x = input(op, e, 'x')
    const epsilon = number(op, 'epsilon')
    return apply(epsilon === 0 ? x : e.add('Add', [x, e.scalar(epsilon, typeOf(op))]), e)
  }

const typeOf = (op: Parameters<Spelling>[0]): TensorType => operand(op, 'x').type
const constant = (op: Parameters<Spelling>[0], e: Emitter, value: number): string => e.scalar(value, typeOf(op))
const alpha = (op: Parameters<Spelling>[0], e: Emitter): string => constant(op, e, number(op, 'alpha'))
const beta = (op: Parameters<Spelling>[0], e: Emitter): string => constant(op, e, number(op, 'beta'))

/** x − y·⌊x/y⌋: the remainder with the divisor's sign. ONNX's Mod has it for integers. */
const remainder: Spelling = (op, e) => {
  const [x, y] = [input(op, e, 'x'), input(op, e, 'y')]
  if (!isFloat(typeOf(op).dtype)) return e.add('Mod', [x, y])
  return e.add('Sub', [x, e.add('Mul', [y, e.add('Floor', [e.add('Div', [x, y])])])])
}

/** Integer division in ONNX truncates: without the remainder it is exact and needs no rounding. */
const floorDivision: Spelling = (op, e) => {
  const [x, y] = [input(op, e, 'x'), input(op, e, 'y')]
  if (isFloat(typeOf(op).dtype)) return e.add('Floor', [e.add('Div', [x, y])])
  return e.add('Div', [e.add('Sub', [x, e.add('Mod', [x, y])]), y])
}

const gelu: Spelling = (op, e) => {
  const x = input(op, e, 'x')
  if (text(op, 'mode') !== 'SIGMOID_APPROXIMATION') {
    return e.add('Gelu', [x], { approximate: text(op, 'mode') === 'EXACT' ? 'none' : 'tanh' })
  }
  return e.add('Mul', [x, e.add('Sigmoid', [e.add('Mul', [x, constant(op, e, 1.702)])])])
}

const oneHot: Spelling = (op, e) => {
  const { shape } = result(op).type
  const axis = number(op, 'axis') < 0 ? number(op, 'axis') + shape.length : number(op, 'axis')
  const indices = e.add('Unsqueeze', [input(op, e, 'indices'), e.ints([axis])])
  const size = number(op, 'one_hot_vector_size')
  const places = e.cast(e.ints(Array.from({ length: size }, (_, i) => i)), 'int32')
  const along = e.add('Reshape', [places, e.ints(shape.map((_, i) => (i === axis ? size : 1)))])
  const type = result(op).type
  return e.add('Where', [e.add('Equal', [indices, along]), e.scalar(number(op, 'on_value'), type), e.scalar(number(op, 'off_value'), type)])
}

/** onnxruntime has no Where of truth values. */
const select: Spelling = (op, e) => {
  const [cond, a, b] = [input(op, e, 'cond'), input(op, e, 'a'), input(op, e, 'b')]
  if (result(op).type.dtype !== 'bool') return e.add('Where', [cond, a, b])
  return e.add('Or', [e.add('And', [cond, a]), e.add('And', [e.add('Not', [cond]), b])])
}

export const elementwise: Spellings = {
  add: binary('Add'),
  sub: binary('Sub'),
  mul: binary('Mul'),
  real_div: binary('Div'),
  floor_div: floorDivision,
  mod: remainder,
  pow: binary('Pow'),
  maximum: binary('Max'),
  minimum: binary('Min'),
  equal: binary('Equal'),
  not_equal: (op, e) => e.add('Not', [binary('Equal')(op, e) as string]),
  less: binary('Less'),
  less_equal: binary('LessOrEqual'),
  greater: binary('Greater'),
  greater_equal: binary('GreaterOrEqual'),
  logical_and: binary('And'),
  logical_or: binary('Or'),
  logical_xor: binary('Xor'),
  logical_not: unary('Not'),
  abs: unary('Abs'),
  sign: unary('Sign'),
  square: (op, e) => e.add('Mul', [input(op, e, 'x'), input(op, e, 'x')]),
  exp: unary('Exp'),
  exp2: (op, e) => e.add('Pow', [constant(op, e, 2), input(op, e, 'x')]),
  sqrt: unary('Sqrt'),
  erf: unary('Erf'),
  floor: unary('Floor'),
  ceil: unary('Ceil'),
  round: unary('Round'),
  sin: unary('Sin'),
  cos: unary('Cos'),
  tanh: unary('Tanh'),
  sigmoid: unary('Sigmoid'),
  relu: unary('Relu'),
  relu6: (op, e) => e.add('Clip', [input(op, e, 'x'), constant(op, e, 0), constant(op, e, 6)]),
  silu: (op, e) => e.add('Mul', [input(op, e, 'x'), e.add('Sigmoid', [input(op, e, 'x')])]),
  softplus: unary('Softplus'),
  softsign: unary('Softsign'),
  identity: unary('Identity'),
  log: shifted((x, e) => e.add('Log', [x])),
  rsqrt: shifted((x, e) => e.add('Reciprocal', [e.add('Sqrt', [x])])),
  inverse: shifted((x, e) => e.add('Reciprocal', [x])),
  elu: (op, e) => e.add('Elu', [input(op, e, 'x')], { alpha: { float: number(op, 'alpha') } }),
  leaky_relu: (op, e) => e.add('LeakyRelu', [input(op, e, 'x')], { alpha: { float: number(op, 'alpha') } }),
  clip: (op, e) => e.add('Clip', [input(op, e, 'x'), alpha(op, e), beta(op, e)]),
  clamped_relu: (op, e) => {
    const x = input(op, e, 'x')
    const low = e.add('Min', [beta(op, e), e.add('Mul', [alpha(op, e), x])])
    return e.add('Where', [e.add('GreaterOrEqual', [x, constant(op, e, 0)]), e.add('Min', [beta(op, e), x]), low])
  },
  sigmoid_hard: (op, e) =>
    e.add('HardSigmoid', [input(op, e, 'x')], { alpha: { float: number(op, 'alpha') }, beta: { float: number(op, 'beta') } }),
  linear_activation: (op, e) => e.add('Add', [e.add('Mul', [input(op, e, 'x'), alpha(op, e)]), beta(op, e)]),
  scaled_tanh: (op, e) => e.add('Mul', [alpha(op, e), e.add('Tanh', [e.add('Mul', [input(op, e, 'x'), beta(op, e)])])]),
  gelu,
  cast: (op, e) => {
    const to = result(op).type.dtype
    return e.add('Cast', [e.anyInteger(operand(op, 'x'))], { to: onnxTypes[to === 'fp16' ? 'fp32' : to] })
  },
  select,
  softmax: (op, e) => e.add('Softmax', [input(op, e, 'x')], { axis: number(op, 'axis') }),
  cumsum: (op, e) =>
    e.add('CumSum', [input(op, e, 'x'), e.ints([number(op, 'axis')])], {
      exclusive: flag(op, 'exclusive') ? 1 : 0,
      reverse: flag(op, 'reverse') ? 1 : 0,
    }),
  one_hot: oneHot,
}
