import type { elementwise as ops } from '../ops/elementwise.ts'
import { alongAxis, at, type Elements, fill, positive, type SemanticsOf, softmax, type Tensor } from './tensor.ts'

type Unary = (operands: { readonly x: Tensor }) => Elements
type Binary = (operands: { readonly x: Tensor; readonly y: Tensor }, attributes: object, shape: readonly number[]) => Elements

const unary =
  (f: (x: number) => number): Unary =>
  ({ x }) =>
    x.data.map(f)

const binary =
  (f: (x: number, y: number) => number): Binary =>
  ({ x, y }, _, shape) =>
    fill(shape, index => f(at(x, index), at(y, index)))

const test = (f: (x: number, y: number) => boolean): Binary => binary((x, y) => (f(x, y) ? 1 : 0))

/** Elementwise with parameters. */
const withAttributes =
  <A>(f: (x: number, attributes: A) => number) =>
  ({ x }: { readonly x: Tensor }, attributes: A): Elements =>
    x.data.map(value => f(value, attributes))

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const clamp = (x: number, least: number, most: number): number => Math.min(Math.max(x, least), most)

/** 2/√π · e^(−x²) · Σ 2ⁿx²ⁿ⁺¹ / (1·3·5 … (2n+1)): all terms have one sign, so nothing cancels. 1 to the last bit beyond 6. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x
  if (Math.abs(x) > 6) return Math.sign(x)
  let total = 0
  for (let n = 0, term = x; Math.abs(term) > Math.abs(total) * 1e-17; n++) {
    total += term
    term *= (2 * x * x) / (2 * n + 3)
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total
}

function roundToEven(x: number): number {
  const below = Math.floor(x)
  if (x - below !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}

const gelus: Readonly<Record<string, (x: number) => number>> = {
  EXACT: x => (x / 2) * (1 + erf(x / Math.SQRT2)),
  TANH_APPROXIMATION: x => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  SIGMOID_APPROXIMATION: x => x * sigmoid(1.702 * x),
}

/** What the elementwise ops compute. */
export const elementwise: SemanticsOf<typeof ops> = {
  add: binary((x, y) => x + y),
  sub: binary((x, y) => x - y),
  mul: binary((x, y) => x * y),
  real_div: binary((x, y) => x / y),
  floor_div: binary((x, y) => Math.floor(x / y)),
  mod: binary((x, y) => x - y * Math.floor(x / y)),
  pow: binary((x, y) => x ** y),
  maximum: binary(Math.max),
  minimum: binary(Math.min),
  equal: test((x, y) => x === y),
  not_equal: test((x, y) => x !== y),
  less: test((x, y) => x < y),
  less_equal: test((x, y) => x <= y),
  greater: test((x, y) => x > y),
  greater_equal: test((x, y) => x >= y),
  logical_and: test((x, y) => x !== 0 && y !== 0),
  logical_or: test((x, y) => x !== 0 || y !== 0),
  logical_xor: test((x, y) => x !== y),
  logical_not: unary(x => 1 - x),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  square: unary(x => x * x),
  exp: unary(Math.exp),
  exp2: unary(x => 2 ** x),
  sqrt: unary(Math.sqrt),
  erf: unary(erf),
  floor: unary(Math.floor),
  ceil: unary(Math.ceil),
  round: unary(roundToEven),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  relu: unary(x => Math.max(x, 0)),
  relu6: unary(x => clamp(x, 0, 6)),
  silu: unary(x => x * sigmoid(x)),
  softplus: unary(x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  softsign: unary(x => x / (1 + Math.abs(x))),
  identity: unary(x => x),
  log: withAttributes((x, { epsilon }) => Math.log(x + epsilon)),
  rsqrt: withAttributes((x, { epsilon }) => 1 / Math.sqrt(x + epsilon)),
  inverse: withAttributes((x, { epsilon }) => 1 / (x + epsilon)),
  elu: withAttributes((x, { alpha }) => (x >= 0 ? x : alpha * Math.expm1(x))),
  leaky_relu: withAttributes((x, { alpha }) => (x >= 0 ? x : alpha * x)),
  clip: withAttributes((x, { alpha, beta }) => clamp(x, alpha, beta)),
  clamped_relu: withAttributes((x, { alpha, beta }) => Math.min(beta, x >= 0 ? x : alpha * x)),
  sigmoid_hard: withAttributes((x, { alpha, beta }) => clamp(alpha * x + beta, 0, 1)),
  linear_activation: withAttributes((x, { alpha, beta }) => alpha * x + beta),
  scaled_tanh: withAttributes((x, { alpha, beta }) => alpha * Math.tanh(beta * x)),
  gelu: withAttributes((x, { mode }) => gelus[mode]?.(x) ?? Number.NaN),
  cast: withAttributes((x, { dtype }) => {
    if (dtype === 'bool') return x === 0 ? 0 : 1
    return dtype === 'fp16' || dtype === 'fp32' ? x : Math.trunc(x)
  }),
  select: ({ cond, a, b }, _, shape) => fill(shape, index => (at(cond, index) === 0 ? at(b, index) : at(a, index))),
  softmax: ({ x }, { axis }) => alongAxis(x, axis, softmax),
  cumsum: ({ x }, { axis, exclusive, reverse }) =>
    alongAxis(x, axis, line => {
      const turned = reverse ? line.toReversed() : line
      let total = 0
      const sums = turned.map(value => {
        total += value
        return exclusive ? total - value : total
      })
      return reverse ? sums.reverse() : sums
    }),
  one_hot: ({ indices }, { axis, on_value, off_value }, shape) => {
    const depth = positive(axis, shape.length)
    return fill(shape, index => (at(indices, index.toSpliced(depth, 1)) === index[depth] ? on_value : off_value))
  },
}
