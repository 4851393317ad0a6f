import type { OpKind } from '../src/index.ts'

/**
 * A use of an op: `(inputs; states) op(…)`, inputs with elements where they matter: `(x: fp32[3] = 1 2 3)`.
 * `legal` has the result's type and elements (of the first result), `illegal` what the op says.
 */
export interface OpCases {
  readonly legal: readonly (readonly [use: string, type: string, elements?: readonly number[]])[]
  readonly illegal: readonly (readonly [use: string, problem: string])[]
}

const floatsOnly = 'x is int32; allowed: fp16, fp32'
const numbersOnly = 'x is bool; allowed: fp16, fp32, int32'

/** An op of one float operand at −1.5, 0.25 and 2. */
const unary = (kind: string, elements: readonly number[], attributes = ''): OpCases => ({
  legal: [[`(x: fp32[3] = -1.5 0.25 2) ${kind}(x=%x${attributes})`, 'fp32[3]', elements]],
  illegal: [[`(x: int32[3]) ${kind}(x=%x${attributes})`, floatsOnly]],
})

const withAlphaBeta = (kind: string, alpha: number, beta: number, elements: readonly number[]): OpCases => {
  const cases = unary(kind, elements, `, alpha=${alpha}, beta=${beta}`)
  return { ...cases, illegal: [...cases.illegal, [`(x: fp32[3]) ${kind}(x=%x, alpha=1)`, 'attribute beta is missing']] }
}

const withAlpha = (kind: string, alpha: number, elements: readonly number[]): OpCases => {
  const cases = unary(kind, elements, `, alpha=${alpha}`)
  return { ...cases, illegal: [...cases.illegal, [`(x: fp32[3]) ${kind}(x=%x)`, 'attribute alpha is missing']] }
}

/** An op of two operands: [−7, 7] with 2 and [2, 3] broadcast. */
const binary = (kind: string, elements: readonly number[], dtype = 'fp32'): OpCases => ({
  legal: [[`(x: fp32[2, 1] = -7 7, y: fp32[2] = 2 3) ${kind}(x=%x, y=%y)`, `${dtype}[2, 2]`, elements]],
  illegal: [
    [`(x: fp32[2], y: int32[2]) ${kind}(x=%x, y=%y)`, 'operand types differ: fp32, int32'],
    [`(x: fp32[2], y: fp32[3]) ${kind}(x=%x, y=%y)`, 'shapes [2] and [3] do not broadcast'],
    [`(x: bool[2], y: bool[2]) ${kind}(x=%x, y=%y)`, numbersOnly],
  ],
})

const logical = (kind: string, elements: readonly number[]): OpCases => ({
  legal: [[`(x: bool[2, 1] = 0 1, y: bool[2] = 0 1) ${kind}(x=%x, y=%y)`, 'bool[2, 2]', elements]],
  illegal: [[`(x: bool[2], y: fp32[2]) ${kind}(x=%x, y=%y)`, 'y is fp32; allowed: bool']],
})

/** A reduction of [[1, −2], [3, 4]]. */
const reduction = (kind: string, columns: readonly number[], all: number, floats = false): OpCases => ({
  legal: [
    [`(x: fp32[2, 2] = 1 -2 3 4) ${kind}(x=%x, axes=[0])`, 'fp32[2]', columns],
    [`(x: fp32[2, 2] = 1 -2 3 4) ${kind}(x=%x, axes=[-2, 1], keep_dims=true)`, 'fp32[1, 1]', [all]],
  ],
  illegal: [
    [`(x: fp32[2, 2]) ${kind}(x=%x, axes=[])`, 'no axes to reduce'],
    [`(x: fp32[2, 2]) ${kind}(x=%x, axes=[2])`, 'axis 2 is outside rank 2'],
    [`(x: bool[2, 2]) ${kind}(x=%x, axes=[0])`, floats ? 'x is bool; allowed: fp16, fp32' : numbersOnly],
  ],
})

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const each = (f: (x: number) => number): number[] => [-1.5, 0.25, 2].map(f)

/** Every op has at least one use that is legal and one that is not. */
export const opCases: Readonly<Record<OpKind, OpCases>> = {
  const: { legal: [['() const(val=<3 1 2>) : int32[3]', 'int32[3]', [3, 1, 2]]], illegal: [['() const()', 'attribute val is missing']] },
  read_state: {
    legal: [['(; s: fp32[2] = 5 6) read_state(input=%s)', 'fp32[2]', [5, 6]]],
    illegal: [['() read_state()', 'operand input is missing']],
  },
  write_state: {
    legal: [['(x: fp32[2] = 1 2; s: fp32[2]) write_state(input=%s, data=%x)', '']],
    illegal: [
      ['(x: fp32[3]; s: fp32[2]) write_state(input=%s, data=%x)', '[3] written to a state of [2]'],
      ['(x: int32[2]; s: fp32[2]) write_state(input=%s, data=%x)', 'operand types differ: fp32, int32'],
    ],
  },

  add: binary('add', [-5, -4, 9, 10]),
  sub: binary('sub', [-9, -10, 5, 4]),
  mul: binary('mul', [-14, -21, 14, 21]),
  real_div: binary('real_div', [-3.5, -7 / 3, 3.5, 7 / 3]),
  floor_div: binary('floor_div', [-4, -3, 3, 2]),
  mod: binary('mod', [1, 2, 1, 1]),
  pow: binary('pow', [49, -343, 49, 343]),
  maximum: binary('maximum', [2, 3, 7, 7]),
  minimum: binary('minimum', [-7, -7, 2, 3]),
  equal: binary('equal', [0, 0, 0, 0], 'bool'),
  not_equal: binary('not_equal', [1, 1, 1, 1], 'bool'),
  less: binary('less', [1, 1, 0, 0], 'bool'),
  less_equal: binary('less_equal', [1, 1, 0, 0], 'bool'),
  greater: binary('greater', [0, 0, 1, 1], 'bool'),
  greater_equal: binary('greater_equal', [0, 0, 1, 1], 'bool'),
  logical_and: logical('logical_and', [0, 0, 0, 1]),
  logical_or: logical('logical_or', [0, 1, 1, 1]),
  logical_xor: logical('logical_xor', [0, 1, 1, 0]),
  logical_not: {
    legal: [['(x: bool[2] = 0 1) logical_not(x=%x)', 'bool[2]', [1, 0]]],
    illegal: [['(x: fp32[2]) logical_not(x=%x)', 'x is fp32; allowed: bool']],
  },
  abs: {
    legal: [['(x: int32[3] = -3 0 2) abs(x=%x)', 'int32[3]', [3, 0, 2]]],
    illegal: [['(x: bool[2]) abs(x=%x)', numbersOnly]],
  },
  sign: {
    legal: [['(x: fp32[3] = -3 0 2) sign(x=%x)', 'fp32[3]', [-1, 0, 1]]],
    illegal: [['(x: bool[2]) sign(x=%x)', numbersOnly]],
  },
  square: {
    legal: [['(x: fp32[2] = -3 2) square(x=%x)', 'fp32[2]', [9, 4]]],
    illegal: [['(x: bool[2]) square(x=%x)', numbersOnly]],
  },
  exp: unary('exp', each(Math.exp)),
  exp2: unary(
    'exp2',
    each(x => 2 ** x),
  ),
  sqrt: {
    legal: [['(x: fp32[2] = 9 2) sqrt(x=%x)', 'fp32[2]', [3, Math.SQRT2]]],
    illegal: [['(x: int32[2]) sqrt(x=%x)', floatsOnly]],
  },
  erf: unary('erf', [-0.9661051464753108, 0.27632639016823696, 0.9953222650189527]),
  floor: unary('floor', [-2, 0, 2]),
  ceil: unary('ceil', [-1, 1, 2]),
  round: {
    legal: [['(x: fp32[6] = -2.5 -1.5 0.5 1.5 2.4 2.6) round(x=%x)', 'fp32[6]', [-2, -2, 0, 2, 2, 3]]],
    illegal: [['(x: int32[2]) round(x=%x)', floatsOnly]],
  },
  sin: unary('sin', each(Math.sin)),
  cos: unary('cos', each(Math.cos)),
  tanh: unary('tanh', each(Math.tanh)),
  sigmoid: unary('sigmoid', each(sigmoid)),
  relu: unary('relu', [0, 0.25, 2]),
  relu6: {
    legal: [['(x: fp32[3] = -1 5 7) relu6(x=%x)', 'fp32[3]', [0, 5, 6]]],
    illegal: [['(x: int32[2]) relu6(x=%x)', floatsOnly]],
  },
  silu: unary(
    'silu',
    each(x => x * sigmoid(x)),
  ),
  softplus: unary(
    'softplus',
    each(x => Math.log(1 + Math.exp(x))),
  ),
  softsign: unary('softsign', [-0.6, 0.2, 2 / 3]),
  identity: {
    legal: [['(x: uint8[2] = 3 4) identity(x=%x)', 'uint8[2]', [3, 4]]],
    illegal: [['(x: int64[2]) identity(x=%x)', 'x is int64; allowed: fp16, fp32, int32, bool, int16, uint16, int8, uint8']],
  },
  log: {
    legal: [['(x: fp32[2] = 0 1) log(x=%x, epsilon=0.5)', 'fp32[2]', [Math.log(0.5), Math.log(1.5)]]],
    illegal: [['(x: int32[2]) log(x=%x)', floatsOnly]],
  },
  rsqrt: {
    legal: [['(x: fp32[2] = 4 0) rsqrt(x=%x, epsilon=0.25)', 'fp32[2]', [1 / Math.sqrt(4.25), 2]]],
    illegal: [['(x: int32[2]) rsqrt(x=%x)', floatsOnly]],
  },
  inverse: {
    legal: [['(x: fp32[2] = 4 -2) inverse(x=%x)', 'fp32[2]', [0.25, -0.5]]],
    illegal: [['(x: int32[2]) inverse(x=%x)', floatsOnly]],
  },
  elu: withAlpha('elu', 0.5, [0.5 * (Math.exp(-1.5) - 1), 0.25, 2]),
  leaky_relu: withAlpha('leaky_relu', 0.5, [-0.75, 0.25, 2]),
  clip: withAlphaBeta('clip', -1, 1, [-1, 0.25, 1]),
  clamped_relu: withAlphaBeta('clamped_relu', 0.5, 1, [-0.75, 0.25, 1]),
  sigmoid_hard: withAlphaBeta('sigmoid_hard', 0.5, 0.5, [0, 0.625, 1]),
  linear_activation: withAlphaBeta('linear_activation', 2, 1, [-2, 1.5, 5]),
  scaled_tanh: withAlphaBeta(
    'scaled_tanh',
    2,
    0.5,
    each(x => 2 * Math.tanh(0.5 * x)),
  ),
  gelu: {
    legal: [
      ['(x: fp32[2] = -1 2) gelu(x=%x)', 'fp32[2]', [-0.15865525393145707, 1.9544997361036416]],
      ['(x: fp32[2] = -1 2) gelu(x=%x, mode="TANH_APPROXIMATION")', 'fp32[2]', [-0.15880800939172324, 1.954597694087775]],
      ['(x: fp32[2] = -1 2) gelu(x=%x, mode="SIGMOID_APPROXIMATION")', 'fp32[2]', [-sigmoid(-1.702), 2 * sigmoid(3.404)]],
    ],
    illegal: [
      ['(x: fp32[2]) gelu(x=%x, mode="FAST")', 'mode is FAST; allowed: EXACT, TANH_APPROXIMATION, SIGMOID_APPROXIMATION'],
      ['(x: int32[2]) gelu(x=%x)', floatsOnly],
    ],
  },
  cast: {
    legal: [
      ['(x: fp32[3] = -1.7 0 2.9) cast(x=%x, dtype="int32")', 'int32[3]', [-1, 0, 2]],
      ['(x: fp32[3] = -1.7 0 2.9) cast(x=%x, dtype="bool")', 'bool[3]', [1, 0, 1]],
      ['(x: int32[2] = -1 7) cast(x=%x, dtype="fp16")', 'fp16[2]', [-1, 7]],
    ],
    illegal: [
      ['(x: fp32[3]) cast(x=%x, dtype="int64")', 'dtype is int64; allowed: fp16, fp32, int32, bool, int16, uint16, int8, uint8'],
      ['(x: fp32[3]) cast(x=%x)', 'attribute dtype is missing'],
    ],
  },
  select: {
    legal: [['(c: bool[2, 1] = 1 0, a: fp32[2, 2] = 1 2 3 4, b: fp32[2] = 8 9) select(cond=%c, a=%a, b=%b)', 'fp32[2, 2]', [1, 2, 8, 9]]],
    illegal: [
      ['(c: fp32[2], a: fp32[2], b: fp32[2]) select(cond=%c, a=%a, b=%b)', 'cond is fp32; allowed: bool'],
      ['(c: bool[2], a: fp32[2], b: int32[2]) select(cond=%c, a=%a, b=%b)', 'operand types differ: fp32, int32'],
      ['(c: bool[3, 2], a: fp32[2], b: fp32[2]) select(cond=%c, a=%a, b=%b)', 'cond is larger than a and b'],
    ],
  },
  softmax: {
    legal: [
      ['(x: fp32[2, 2] = 0 0 1000 1000) softmax(x=%x)', 'fp32[2, 2]', [0.5, 0.5, 0.5, 0.5]],
      ['(x: fp32[2, 1] = 0 1) softmax(x=%x, axis=0)', 'fp32[2, 1]', [sigmoid(-1), sigmoid(1)]],
    ],
    illegal: [
      ['(x: int32[2]) softmax(x=%x)', floatsOnly],
      ['(x: fp32[2]) softmax(x=%x, axis=1)', 'axis 1 is outside rank 1'],
    ],
  },
  cumsum: {
    legal: [
      ['(x: int32[2, 2] = 1 2 3 4) cumsum(x=%x, axis=1)', 'int32[2, 2]', [1, 3, 3, 7]],
      ['(x: fp32[3] = 1 2 3) cumsum(x=%x, exclusive=true)', 'fp32[3]', [0, 1, 3]],
      ['(x: fp32[3] = 1 2 3) cumsum(x=%x, reverse=true)', 'fp32[3]', [6, 5, 3]],
    ],
    illegal: [['(x: fp32[3]) cumsum(x=%x, axis=-2)', 'axis -2 is outside rank 1']],
  },
  one_hot: {
    legal: [
      ['(i: int32[2] = 2 0) one_hot(indices=%i, one_hot_vector_size=3)', 'int32[2, 3]', [0, 0, 1, 1, 0, 0]],
      ['(i: int32[2] = 1 0) one_hot(indices=%i, one_hot_vector_size=2, axis=0, on_value=5, off_value=-1)', 'int32[2, 2]', [-1, 5, 5, -1]],
    ],
    illegal: [['(i: fp32[2]) one_hot(indices=%i, one_hot_vector_size=3)', 'indices is fp32; allowed: int32']],
  },

  linear: {
    legal: [
      [
        '(x: fp32[1, 2] = 1 2, w: fp32[3, 2] = 1 0 0 1 1 1, b: fp32[3] = 0 0 10) linear(x=%x, weight=%w, bias=%b)',
        'fp32[1, 3]',
        [1, 2, 13],
      ],
      ['(x: fp32[2] = 3 4, w: fp32[1, 2] = 1 1) linear(x=%x, weight=%w)', 'fp32[1]', [7]],
    ],
    illegal: [
      ['(x: fp32[1, 2], w: fp32[2, 3]) linear(x=%x, weight=%w)', 'x ends in 2, the weight takes 3'],
      ['(x: fp32[1, 2], w: fp32[2]) linear(x=%x, weight=%w)', 'the weight has rank 1, not 2'],
      ['(x: fp32[1, 2], w: fp32[3, 2], b: fp32[2]) linear(x=%x, weight=%w, bias=%b)', 'the bias is [2], not [3]'],
      ['(x: fp32[1, 2], w: fp16[3, 2]) linear(x=%x, weight=%w)', 'operand types differ: fp32, fp16'],
    ],
  },
  matmul: {
    legal: [
      ['(x: fp32[1, 2] = 1 2, y: fp32[2, 2] = 1 2 3 4) matmul(x=%x, y=%y)', 'fp32[1, 2]', [7, 10]],
      ['(x: fp32[2, 1] = 1 2, y: fp32[2, 2] = 1 2 3 4) matmul(x=%x, y=%y, transpose_x=true, transpose_y=true)', 'fp32[1, 2]', [5, 11]],
      ['(x: fp32[2, 1, 1] = 2 3, y: fp32[1, 2] = 1 10) matmul(x=%x, y=%y)', 'fp32[2, 1, 2]', [2, 20, 3, 30]],
    ],
    illegal: [
      ['(x: fp32[1, 2], y: fp32[3, 2]) matmul(x=%x, y=%y)', '[1,2] · [3,2]: inner sizes differ'],
      ['(x: fp32[2], y: fp32[2, 1]) matmul(x=%x, y=%y)', 'operands of rank 1 are not supported'],
      ['(x: fp32[2, 1, 2], y: fp32[3, 2, 1]) matmul(x=%x, y=%y)', 'shapes [2] and [3] do not broadcast'],
    ],
  },
  einsum: {
    legal: [
      [
        '(x: fp32[1, 1, 1, 2] = 1 2, y: fp32[1, 2, 1, 2] = 1 2 3 4) einsum(values=[%x, %y], equation="nchw,nwhu->nchu")',
        'fp32[1, 1, 1, 2]',
        [7, 10],
      ],
      [
        '(x: fp32[1, 2, 2] = 1 2 3 4, y: fp32[2, 2, 1] = 1 10 100 1000) einsum(values=[%x, %y], equation="chw,whr->chr")',
        'fp32[1, 2, 1]',
        [201, 4030],
      ],
    ],
    illegal: [
      ['(x: fp32[1, 2], y: fp32[2, 1]) einsum(values=[%x, %y], equation="ij,jk->ik")', 'equation ij,jk->ik is not one that Core ML knows'],
      ['(x: fp32[1, 1, 1, 2]) einsum(values=[%x], equation="nchw,nwhu->nchu")', 'einsum takes two operands'],
      [
        '(x: fp32[1, 1, 1, 2], y: fp32[1, 3, 1, 2]) einsum(values=[%x, %y], equation="nchw,nwhu->nchu")',
        '[1,1,1,2] and [1,3,1,2]: the contracted sizes differ',
      ],
      [
        '(x: fp32[1, 1, 2], y: fp32[1, 2, 1]) einsum(values=[%x, %y], equation="nchw,nwhu->nchu")',
        'operands of rank 3 for nchw,nwhu->nchu',
      ],
    ],
  },
  conv: {
    legal: [
      [
        '(x: fp32[1, 1, 4] = 1 2 3 4, w: fp32[1, 1, 2] = 1 10) conv(x=%x, weight=%w, strides=[1], pad=[0, 0], dilations=[1])',
        'fp32[1, 1, 3]',
        [21, 32, 43],
      ],
      [
        '(x: fp32[1, 1, 4] = 1 2 3 4, w: fp32[1, 1, 2] = 1 10) conv(x=%x, weight=%w, strides=[2], pad=[1, 0], pad_type="custom", dilations=[2])',
        'fp32[1, 1, 2]',
        [20, 42],
      ],
      [
        '(x: fp32[1, 1, 3] = 1 2 3, w: fp32[1, 1, 2] = 1 10) conv(x=%x, weight=%w, strides=[1], pad=[0, 0], pad_type="same", dilations=[1])',
        'fp32[1, 1, 3]',
        [21, 32, 3],
      ],
      [
        '(x: fp32[1, 1, 3] = 1 2 3, w: fp32[1, 1, 2] = 1 10) conv(x=%x, weight=%w, strides=[1], pad=[0, 0], pad_type="same_lower", dilations=[1])',
        'fp32[1, 1, 3]',
        [10, 21, 32],
      ],
      [
        '(x: fp32[1, 2, 1, 1] = 3 5, w: fp32[2, 1, 1, 1] = 2 4, b: fp32[2] = 1 0) conv(x=%x, weight=%w, bias=%b, strides=[1, 1], pad=[0, 0, 0, 0], dilations=[1, 1], groups=2)',
        'fp32[1, 2, 1, 1]',
        [7, 20],
      ],
    ],
    illegal: [
      [
        '(x: fp32[1, 2, 4], w: fp32[1, 1, 2]) conv(x=%x, weight=%w, strides=[1], pad=[0, 0], dilations=[1])',
        'x has 2 channels, the weight takes 1',
      ],
      [
        '(x: fp32[1, 1, 4], w: fp32[1, 1, 5]) conv(x=%x, weight=%w, strides=[1], pad=[0, 0], dilations=[1])',
        'a window of 5 does not fit into 4',
      ],
      [
        '(x: fp32[1, 1, 4], w: fp32[1, 1, 2]) conv(x=%x, weight=%w, strides=[1, 1], pad=[0, 0], dilations=[1])',
        'strides, dilations or pad have the wrong length',
      ],
      [
        '(x: fp32[1, 1], w: fp32[1, 1]) conv(x=%x, weight=%w, strides=[], pad=[], dilations=[])',
        'x [1,1] and weight [1,1] do not go together',
      ],
      [
        '(x: fp32[1, 1, 4], w: fp32[1, 1, 2], b: fp32[2]) conv(x=%x, weight=%w, bias=%b, strides=[1], pad=[0, 0], dilations=[1])',
        'the bias is [2], not [1]',
      ],
    ],
  },
  conv_transpose: {
    legal: [
      [
        '(x: fp32[1, 1, 2] = 1 2, w: fp32[1, 1, 2] = 1 10) conv_transpose(x=%x, weight=%w, strides=[2], pad=[0, 0], dilations=[1])',
        'fp32[1, 1, 4]',
        [1, 10, 2, 20],
      ],
      [
        '(x: fp32[1, 1, 2] = 1 2, w: fp32[1, 2, 2] = 1 10 100 1000) conv_transpose(x=%x, weight=%w, strides=[1], pad=[1, 0], pad_type="custom", dilations=[1])',
        'fp32[1, 2, 2]',
        [12, 20, 1200, 2000],
      ],
    ],
    illegal: [
      [
        '(x: fp32[1, 2, 2], w: fp32[1, 1, 2]) conv_transpose(x=%x, weight=%w, strides=[2], pad=[0, 0], dilations=[1])',
        'x has 2 channels, the weight takes 1',
      ],
    ],
  },
  scaled_dot_product_attention: {
    legal: [
      [
        '(q: fp32[1, 1, 1] = 0, k: fp32[1, 2, 1] = 5 6, v: fp32[1, 2, 1] = 10 20) scaled_dot_product_attention(query=%q, key=%k, value=%v)',
        'fp32[1, 1, 1]',
        [15],
      ],
      [
        '(q: fp32[1, 1, 1] = 0, k: fp32[1, 2, 1] = 5 6, v: fp32[1, 2, 1] = 10 20, m: bool[1, 1, 2] = 0 1) scaled_dot_product_attention(query=%q, key=%k, value=%v, attn_mask=%m)',
        'fp32[1, 1, 1]',
        [20],
      ],
      [
        '(q: fp32[1, 1, 4] = 2 0 0 0, k: fp32[1, 2, 4] = 1 0 0 0 0 0 0 0, v: fp32[1, 2, 1] = 0 1, m: fp32[1, 2] = 0 2) scaled_dot_product_attention(query=%q, key=%k, value=%v, attn_mask=%m)',
        'fp32[1, 1, 1]',
        [sigmoid(1)],
      ],
    ],
    illegal: [
      [
        '(q: fp32[1, 1, 2], k: fp32[1, 2, 1], v: fp32[1, 2, 1]) scaled_dot_product_attention(query=%q, key=%k, value=%v)',
        'query and key differ in their last axis',
      ],
      [
        '(q: fp32[1, 1, 1], k: fp32[1, 2, 1], v: fp32[1, 3, 1]) scaled_dot_product_attention(query=%q, key=%k, value=%v)',
        'key and value differ in length',
      ],
    ],
  },

  layer_norm: {
    legal: [
      [
        '(x: fp32[1, 2] = 1 3, g: fp32[2] = 2 4, b: fp32[2] = 10 20) layer_norm(x=%x, gamma=%g, beta=%b, axes=[-1], epsilon=0)',
        'fp32[1, 2]',
        [8, 24],
      ],
      ['(x: fp32[2, 2] = 1 3 1 3) layer_norm(x=%x, axes=[0, 1], epsilon=3)', 'fp32[2, 2]', [-0.5, 0.5, -0.5, 0.5]],
    ],
    illegal: [
      ['(x: fp32[1, 2], g: fp32[3]) layer_norm(x=%x, gamma=%g, axes=[-1])', 'gamma or beta is [3], not [2]'],
      ['(x: fp32[1, 2, 3]) layer_norm(x=%x, axes=[0, 2])', 'axes are not ascending and consecutive'],
      ['(x: int32[1, 2]) layer_norm(x=%x, axes=[1])', floatsOnly],
    ],
  },
  batch_norm: {
    legal: [
      [
        '(x: fp32[1, 2, 1] = 3 8, m: fp32[2] = 1 2, v: fp32[2] = 4 9, g: fp32[2] = 1 10) batch_norm(x=%x, mean=%m, variance=%v, gamma=%g, epsilon=0)',
        'fp32[1, 2, 1]',
        [1, 20],
      ],
    ],
    illegal: [
      ['(x: int32[1, 2, 1], m: fp32[2], v: fp32[2]) batch_norm(x=%x, mean=%m, variance=%v)', floatsOnly],
      ['(x: fp32[1, 2, 1], m: fp32[3], v: fp32[2]) batch_norm(x=%x, mean=%m, variance=%v)', '[3] for the channels of [1,2,1]'],
    ],
  },
  instance_norm: {
    legal: [
      ['(x: fp32[1, 2, 2] = 1 3 10 50, b: fp32[2] = 0 100) instance_norm(x=%x, beta=%b, epsilon=0)', 'fp32[1, 2, 2]', [-1, 1, 99, 101]],
    ],
    illegal: [
      ['(x: int32[1, 2, 2]) instance_norm(x=%x)', floatsOnly],
      ['(x: fp32[1, 2, 2], g: fp32[1]) instance_norm(x=%x, gamma=%g)', '[1] for the channels of [1,2,2]'],
    ],
  },
  reduce_sum: reduction('reduce_sum', [4, 2], 6),
  reduce_mean: reduction('reduce_mean', [2, 1], 1.5, true),
  reduce_max: reduction('reduce_max', [3, 4], 4),
  reduce_min: reduction('reduce_min', [1, -2], -2),
  reduce_prod: reduction('reduce_prod', [3, -8], -24),
  reduce_sum_square: reduction('reduce_sum_square', [10, 20], 30),
  reduce_l2_norm: reduction('reduce_l2_norm', [Math.sqrt(10), Math.sqrt(20)], Math.sqrt(30), true),
  reduce_log_sum_exp: reduction(
    'reduce_log_sum_exp',
    [Math.log(Math.E + Math.E ** 3), Math.log(Math.E ** -2 + Math.E ** 4)],
    Math.log(Math.E + Math.E ** 3 + Math.E ** -2 + Math.E ** 4),
    true,
  ),
  reduce_argmax: {
    legal: [
      ['(x: fp32[2, 3] = 1 5 5 9 0 2) reduce_argmax(x=%x)', 'int32[2]', [1, 0]],
      ['(x: fp32[2, 1] = 1 5) reduce_argmax(x=%x, axis=0, keep_dims=true)', 'int32[1, 1]', [1]],
    ],
    illegal: [['(x: fp32[2]) reduce_argmax(x=%x, axis=1)', 'axis 1 is outside rank 1']],
  },
  reduce_argmin: {
    legal: [['(x: int32[2, 3] = 1 5 1 9 0 2) reduce_argmin(x=%x, axis=1)', 'int32[2]', [0, 1]]],
    illegal: [['(x: bool[2]) reduce_argmin(x=%x)', numbersOnly]],
  },
  topk: {
    legal: [
      ['(x: fp32[4] = 1 5 3 5) topk(x=%x, k=3)', 'fp32[3], int32[3]', [5, 5, 3]],
      ['(x: fp32[2, 2] = 1 5 3 2) topk(x=%x, k=1, axis=0, ascending=true)', 'fp32[1, 2], int32[1, 2]', [1, 2]],
    ],
    illegal: [
      ['(x: fp32[4]) topk(x=%x, axis=1)', 'axis 1 is outside rank 1'],
      ['(x: fp32[4]) topk(x=%x, k=5)', 'the 5 largest of 4'],
    ],
  },
  max_pool: {
    legal: [
      ['(x: fp32[1, 1, 4] = 1 5 2 3) max_pool(x=%x, kernel_sizes=[2], strides=[2], pad=[0, 0])', 'fp32[1, 1, 2]', [5, 3]],
      [
        '(x: fp32[1, 1, 3] = -1 -5 -2) max_pool(x=%x, kernel_sizes=[2], strides=[2], pad_type="custom", pad=[1, 0])',
        'fp32[1, 1, 2]',
        [-1, -2],
      ],
      [
        '(x: fp32[1, 1, 5] = 1 2 3 4 5) max_pool(x=%x, kernel_sizes=[2], strides=[2], pad=[0, 0], ceil_mode=true)',
        'fp32[1, 1, 3]',
        [2, 4, 5],
      ],
    ],
    illegal: [['(x: fp32[1, 1, 2]) max_pool(x=%x, kernel_sizes=[3], strides=[1], pad=[0, 0])', 'a window of 3 does not fit into 2']],
  },
  avg_pool: {
    legal: [
      ['(x: fp32[1, 1, 2, 2] = 1 2 3 6) avg_pool(x=%x, kernel_sizes=[2, 2], strides=[2, 2], pad=[0, 0, 0, 0])', 'fp32[1, 1, 1, 1]', [3]],
      ['(x: fp32[1, 1, 3] = 2 4 6) avg_pool(x=%x, kernel_sizes=[2], strides=[2], pad_type="custom", pad=[1, 0])', 'fp32[1, 1, 2]', [1, 5]],
      [
        '(x: fp32[1, 1, 3] = 2 4 6) avg_pool(x=%x, kernel_sizes=[2], strides=[2], pad_type="custom", pad=[1, 0], exclude_padding_from_average=true)',
        'fp32[1, 1, 2]',
        [2, 5],
      ],
    ],
    illegal: [['(x: fp32[1, 1, 2]) avg_pool(x=%x, kernel_sizes=[3], strides=[1], pad=[0, 0])', 'a window of 3 does not fit into 2']],
  },
  upsample_nearest_neighbor: {
    legal: [
      [
        '(x: fp32[1, 1, 1, 2] = 1 2) upsample_nearest_neighbor(x=%x, scale_factor_height=2, scale_factor_width=2)',
        'fp32[1, 1, 2, 4]',
        [1, 1, 2, 2, 1, 1, 2, 2],
      ],
    ],
    illegal: [['(x: fp32[1, 1, 1, 2]) upsample_nearest_neighbor(x=%x, scale_factor_height=2)', 'attribute scale_factor_width is missing']],
  },
  resize_bilinear: {
    legal: [
      ['(x: fp32[1, 1, 1, 2] = 0 4) resize_bilinear(x=%x, target_size_height=1, target_size_width=4)', 'fp32[1, 1, 1, 4]', [0, 1, 3, 4]],
      [
        '(x: fp32[1, 1, 1, 2] = 0 4) resize_bilinear(x=%x, target_size_height=1, target_size_width=3, sampling_mode="ALIGN_CORNERS")',
        'fp32[1, 1, 1, 3]',
        [0, 2, 4],
      ],
    ],
    illegal: [
      ['(x: int32[1, 1, 1, 2]) resize_bilinear(x=%x, target_size_height=1, target_size_width=4)', floatsOnly],
      [
        '(x: fp32[1, 1, 1, 2]) resize_bilinear(x=%x, target_size_height=1, target_size_width=4, sampling_mode="CUBIC")',
        'sampling_mode is CUBIC; allowed: DEFAULT, STRICT_ALIGN_CORNERS, ALIGN_CORNERS, OFFSET_CORNERS, UNALIGN_CORNERS',
      ],
    ],
  },
  pixel_shuffle: {
    legal: [['(x: fp32[1, 4, 1, 1] = 1 2 3 4) pixel_shuffle(x=%x, upscale_factor=2)', 'fp32[1, 1, 2, 2]', [1, 2, 3, 4]]],
    illegal: [['(x: fp32[1, 3, 1, 1]) pixel_shuffle(x=%x, upscale_factor=2)', '[1,3,1,1] cannot be shuffled by 2']],
  },

  transpose: {
    legal: [['(x: fp32[2, 3] = 1 2 3 4 5 6) transpose(x=%x, perm=[1, 0])', 'fp32[3, 2]', [1, 4, 2, 5, 3, 6]]],
    illegal: [
      ['(x: fp32[2, 3]) transpose(x=%x, perm=[0, 0])', 'perm [0,0] for [2,3]'],
      ['(x: fp32[2, 3]) transpose(x=%x, perm=[0])', 'perm [0] for [2,3]'],
    ],
  },
  reshape: {
    legal: [['(x: fp32[2, 2] = 1 2 3 4) reshape(x=%x, shape=[4])', 'fp32[4]', [1, 2, 3, 4]]],
    illegal: [
      ['(x: fp32[2, 3]) reshape(x=%x, shape=[4])', '[2,3] cannot be [4]'],
      ['(x: fp32[2, 3]) reshape(x=%x, shape=[-1, -6])', '[2,3] cannot be [-1,-6]'],
    ],
  },
  expand_dims: {
    legal: [['(x: fp32[2] = 1 2) expand_dims(x=%x, axes=[0, -1])', 'fp32[1, 2, 1]', [1, 2]]],
    illegal: [
      ['(x: fp32[2]) expand_dims(x=%x, axes=[0, -3])', 'axes [0,-3] repeat'],
      ['(x: fp32[2]) expand_dims(x=%x, axes=[2])', 'axis 2 is outside rank 2'],
    ],
  },
  squeeze: {
    legal: [['(x: fp32[1, 2, 1] = 1 2) squeeze(x=%x, axes=[0, -1])', 'fp32[2]', [1, 2]]],
    illegal: [['(x: fp32[1, 2]) squeeze(x=%x, axes=[1])', 'axes [1] of [1,2] are not all 1']],
  },
  concat: {
    legal: [['(x: fp32[2, 1] = 1 2, y: fp32[2, 2] = 3 4 5 6) concat(values=[%x, %y], axis=-1)', 'fp32[2, 3]', [1, 3, 4, 2, 5, 6]]],
    illegal: [
      ['(x: fp32[2, 1], y: fp32[3, 2]) concat(values=[%x, %y], axis=1)', '[3,2] beside [2,1] along axis 1'],
      ['() concat(values=[], axis=0)', 'nothing to concatenate'],
      ['(x: fp32[2], y: int32[2]) concat(values=[%x, %y], axis=0)', 'operand types differ: fp32, int32'],
      ['(x: fp32[2]) concat(values=[%x], axis=0, interleave=true)', 'interleave is not supported'],
    ],
  },
  stack: {
    legal: [['(x: fp32[2] = 1 2, y: fp32[2] = 3 4) stack(values=[%x, %y], axis=-1)', 'fp32[2, 2]', [1, 3, 2, 4]]],
    illegal: [['(x: fp32[2], y: fp32[3]) stack(values=[%x, %y], axis=0)', 'shapes differ']],
  },
  split: {
    legal: [['(x: fp32[2, 3] = 1 2 3 4 5 6) split(x=%x, axis=-1, split_sizes=[1, 2])', 'fp32[2, 1], fp32[2, 2]', [1, 4]]],
    illegal: [
      ['(x: fp32[2, 3]) split(x=%x, axis=1, split_sizes=[1, 1])', 'pieces [1,1] of 3'],
      ['(x: fp32[2, 3]) split(x=%x, axis=1, split_sizes=[3])', 'a split into one piece'],
    ],
  },
  slice_by_index: {
    legal: [
      ['(x: fp32[5] = 0 1 2 3 4) slice_by_index(x=%x, begin=[-4], end=[-1], stride=[2])', 'fp32[2]', [1, 3]],
      [
        '(x: fp32[3] = 0 1 2) slice_by_index(x=%x, begin=[0], end=[0], stride=[-1], begin_mask=[true], end_mask=[true])',
        'fp32[3]',
        [2, 1, 0],
      ],
      ['(x: fp32[2, 2] = 0 1 2 3) slice_by_index(x=%x, begin=[-1, 0], end=[0, 2], squeeze_mask=[true, false])', 'fp32[2]', [2, 3]],
    ],
    illegal: [
      ['(x: fp32[5]) slice_by_index(x=%x, begin=[3], end=[3])', 'an empty slice of axis 0 of [5]'],
      ['(x: fp32[5]) slice_by_index(x=%x, begin=[0, 0], end=[1, 1])', 'begin or end does not have the rank of [5]'],
      ['(x: fp32[5]) slice_by_index(x=%x, begin=[0], end=[5], stride=[0])', 'a stride is 0'],
      ['(x: fp32[5]) slice_by_index(x=%x, begin=[5], end=[6], squeeze_mask=[true])', 'no index 5 on axis 0 of [5]'],
      ['(x: fp32[5]) slice_by_index(x=%x, begin=[-6], end=[6], squeeze_mask=[true])', 'no index -6 on axis 0 of [5]'],
    ],
  },
  slice_update: {
    legal: [
      [
        '(x: fp32[4] = 1 2 3 4, u: fp32[2] = 8 9, b: int32[1] = 1, e: int32[1] = 3) slice_update(x=%x, update=%u, begin=%b, end=%e)',
        'fp32[4]',
        [1, 8, 9, 4],
      ],
    ],
    illegal: [
      ['(x: fp32[4], u: fp32[5], b: int32[1], e: int32[1]) slice_update(x=%x, update=%u, begin=%b, end=%e)', '[5] does not fit into [4]'],
      ['(x: fp32[4], u: fp32[2], b: int32[2], e: int32[1]) slice_update(x=%x, update=%u, begin=%b, end=%e)', 'begin or end is [2]'],
      [
        '(x: fp32[4], u: fp32[2], b: fp32[1], e: int32[1]) slice_update(x=%x, update=%u, begin=%b, end=%e)',
        'begin is fp32; allowed: int32',
      ],
    ],
  },
  tile: {
    legal: [['(x: fp32[1, 2] = 1 2) tile(x=%x, reps=[2, 2])', 'fp32[2, 4]', [1, 2, 1, 2, 1, 2, 1, 2]]],
    illegal: [['(x: fp32[1, 2]) tile(x=%x, reps=[2])', 'reps [2] for [1,2]']],
  },
  pad: {
    legal: [
      ['(x: fp32[2] = 1 2) pad(x=%x, pad=[1, 2], constant_val=7)', 'fp32[5]', [7, 1, 2, 7, 7]],
      ['(x: fp32[1, 3] = 1 2 3) pad(x=%x, pad=[2, 1], mode="reflect")', 'fp32[1, 6]', [3, 2, 1, 2, 3, 2]],
      ['(x: fp32[2] = 1 2) pad(x=%x, pad=[1, 1], mode="replicate")', 'fp32[4]', [1, 1, 2, 2]],
    ],
    illegal: [
      ['(x: fp32[2]) pad(x=%x, pad=[1])', 'pad [1] for [2]'],
      ['(x: fp32[2]) pad(x=%x, pad=[1, 1, 1, 1])', 'pad [1,1,1,1] for [2]'],
    ],
  },
  reverse: {
    legal: [['(x: fp32[2, 2] = 1 2 3 4) reverse(x=%x, axes=[-1])', 'fp32[2, 2]', [2, 1, 4, 3]]],
    illegal: [['(x: fp32[2, 2]) reverse(x=%x, axes=[2])', 'axis 2 is outside rank 2']],
  },
  gather: {
    legal: [
      ['(x: fp32[3, 2] = 1 2 3 4 5 6, i: int32[2] = 2 -3) gather(x=%x, indices=%i)', 'fp32[2, 2]', [5, 6, 1, 2]],
      ['(x: fp32[2, 3] = 1 2 3 4 5 6, i: uint8[1, 2] = 2 0) gather(x=%x, indices=%i, axis=-1)', 'fp32[2, 1, 2]', [3, 1, 6, 4]],
      ['(x: fp32[2, 2] = 1 2 3 4, i: int32[2, 1] = 1 0) gather(x=%x, indices=%i, axis=1, batch_dims=1)', 'fp32[2, 1]', [2, 3]],
    ],
    illegal: [
      ['(x: fp32[3, 2], i: fp32[2]) gather(x=%x, indices=%i)', 'indices is fp32; allowed: int32, int16, uint16, int8, uint8'],
      ['(x: fp32[3, 2], i: int32[2]) gather(x=%x, indices=%i, axis=2)', 'axis 2 is outside rank 2'],
      ['(x: fp32[3, 2], i: int32[2, 1]) gather(x=%x, indices=%i, axis=1, batch_dims=1)', '1 batch axes of [3,2] and [2,1]'],
      ['(x: fp32[3, 2], i: int32[3, 1]) gather(x=%x, indices=%i, axis=0, batch_dims=1)', '1 batch axes of [3,2] and [3,1]'],
    ],
  },
  gather_along_axis: {
    legal: [['(x: fp32[2, 2] = 1 2 3 4, i: int32[2, 1] = 1 -2) gather_along_axis(x=%x, indices=%i, axis=1)', 'fp32[2, 1]', [2, 3]]],
    illegal: [
      ['(x: fp32[2, 2], i: int32[2]) gather_along_axis(x=%x, indices=%i)', 'ranks differ'],
      ['(x: fp32[2, 2], i: int32[3, 1]) gather_along_axis(x=%x, indices=%i, axis=1)', 'indices [3,1] for [2,2]'],
    ],
  },
  gather_nd: {
    legal: [
      ['(x: fp32[2, 2] = 1 2 3 4, i: int32[2, 2] = 1 0 0 1) gather_nd(x=%x, indices=%i)', 'fp32[2]', [3, 2]],
      ['(x: fp32[2, 2] = 1 2 3 4, i: int32[2, 1] = 1 0) gather_nd(x=%x, indices=%i, batch_dims=1)', 'fp32[2]', [2, 3]],
    ],
    illegal: [
      ['(x: fp32[2, 2], i: bool[2, 2]) gather_nd(x=%x, indices=%i)', 'indices is bool; allowed: int32, int16, uint16, int8, uint8'],
      ['(x: fp32[2, 2], i: int32[2, 3]) gather_nd(x=%x, indices=%i)', 'index vectors of 3 for [2,2]'],
    ],
  },

  rms_norm: {
    legal: [
      [
        '(x: fp32[1, 2] = 3 4, g: fp32[2] = 1 10) rms_norm(x=%x, gamma=%g, epsilon=0)',
        'fp32[1, 2]',
        [3 / Math.sqrt(12.5), 40 / Math.sqrt(12.5)],
      ],
    ],
    illegal: [
      ['(x: fp32[1, 2], g: fp32[1]) rms_norm(x=%x, gamma=%g, epsilon=0)', 'gamma is [1] for [1,2]'],
      ['(x: fp32[1, 2], g: fp32[2]) rms_norm(x=%x, gamma=%g)', 'attribute epsilon is missing'],
    ],
  },
  attention: {
    legal: [
      [
        '(q: fp32[1, 1, 2] = 0 0, k: fp32[1, 2, 2] = 1 1 1 1, v: fp32[1, 2, 2] = 1 2 3 4, m: int32[1, 2] = 1 0) attention(query=%q, key=%k, value=%v, key_mask=%m, heads=2, scale=1)',
        'fp32[1, 1, 2]',
        [1, 2],
      ],
      [
        '(q: fp32[1, 2, 1, 1] = 1 2, v: fp32[1, 2, 1, 2] = 1 2 3 4) attention(query=%q, key=%q, value=%v, heads=1, scale=1)',
        'fp32[1, 2, 1, 2]',
        [1, 2, 3, 4],
      ],
      [
        '(q: fp32[1, 2, 1] = 0 1, k: fp32[1, 2, 1] = 0 0, v: fp32[1, 2, 1] = 0 4, th: fp32[1, 1, 1] = 5, tw: fp32[2, 2, 1] = 7 7 0 1000) attention(query=%q, key=%k, value=%v, relative_rows=%th, relative_columns=%tw, heads=1, scale=1)',
        'fp32[1, 2, 1]',
        [2, 4],
      ],
    ],
    illegal: [
      ['(q: fp32[1, 1, 3]) attention(query=%q, key=%q, value=%q, heads=2, scale=1)', '2 heads do not divide 3 and 3'],
      [
        '(q: fp32[1, 3]) attention(query=%q, key=%q, value=%q, heads=1, scale=1)',
        'query, key and value are [B, tokens, channels] or [B, windows, tokens, channels]',
      ],
      ['(q: fp32[1, 2, 4], k: fp32[1, 2, 2]) attention(query=%q, key=%k, value=%k, heads=2, scale=1)', 'query is 4 wide, key 2'],
      ['(q: fp32[1, 2, 4], k: fp32[1, 3, 4]) attention(query=%q, key=%k, value=%q, heads=2, scale=1)', 'key [1,3,4], value [1,2,4]'],
      [
        '(q: fp32[1, 2, 4], m: int32[2]) attention(query=%q, key=%q, value=%q, key_mask=%m, heads=2, scale=1)',
        'key_mask is [2], not [1,2]',
      ],
      ['(q: fp32[1, 2, 4], m: int32[2, 2]) attention(query=%q, key=%q, value=%q, mask=%m, heads=2, scale=1)', 'mask is [2,2], not [1,2,2]'],
      [
        '(q: fp32[1, 2, 4], r: fp32[1, 3, 2, 2]) attention(query=%q, key=%q, value=%q, bias=%r, heads=2, scale=1)',
        'shapes [1,3,2,2] and [1,2,2,2] do not broadcast',
      ],
      [
        '(q: fp32[1, 2, 4], r: fp32[2, 2, 4]) attention(query=%q, key=%q, value=%q, relative_key=%r, heads=2, scale=1)',
        'a relative table is [2,2,4]',
      ],
      [
        '(q: fp32[1, 2, 2, 4], r: fp32[2, 2, 4]) attention(query=%q, key=%q, value=%q, relative_key=%r, heads=1, scale=1)',
        'a relative table is [2,2,4]',
      ],
      [
        '(q: fp32[1, 2, 4], r: fp32[2, 2, 4]) attention(query=%q, key=%q, value=%q, relative_rows=%r, heads=1, scale=1)',
        'relative_rows and relative_columns come together',
      ],
      [
        '(q: fp32[1, 2, 4], r: fp32[2, 2, 4]) attention(query=%q, key=%q, value=%q, relative_rows=%r, relative_columns=%r, heads=1, scale=1)',
        'relative_rows [2,2,4] and relative_columns [2,2,4] for 2 queries and 2 keys',
      ],
    ],
  },
  rotary: {
    legal: [
      [
        '(x: fp32[1, 1, 6] = 1 2 3 4 5 6, c: fp32[1, 2] = 0 10, s: fp32[1, 2] = 1 100) rotary(x=%x, cos=%c, sin=%s, heads=2)',
        'fp32[1, 1, 6]',
        [-2, 120, 3, -5, 450, 6],
      ],
      ['(x: fp32[2, 2, 3, 4], c: fp32[2, 1, 3, 4]) rotary(x=%x, cos=%c, sin=%c, heads=1)', 'fp32[2, 2, 3, 4]'],
    ],
    illegal: [
      [
        '(x: fp32[1, 4], c: fp32[1, 4]) rotary(x=%x, cos=%c, sin=%c, heads=1)',
        'x is [B, tokens, channels] or [B, windows, tokens, channels]',
      ],
      ['(x: fp32[1, 1, 4], c: fp32[1, 4]) rotary(x=%x, cos=%c, sin=%c, heads=3)', '3 heads do not divide 4'],
      ['(x: fp32[1, 1, 4], c: fp32[1, 4], s: fp32[1, 2]) rotary(x=%x, cos=%c, sin=%s, heads=1)', 'cos is [1,4], sin [1,2]'],
      ['(x: fp32[1, 1, 4], c: fp32[1, 4]) rotary(x=%x, cos=%c, sin=%c, heads=2)', 'cos is [1,4] for heads of 2 in [1,1,4]'],
      ['(x: fp32[1, 2, 4], c: fp32[1, 4]) rotary(x=%x, cos=%c, sin=%c, heads=1)', 'cos is [1,4] for heads of 4 in [1,2,4]'],
    ],
  },
  window_partition: {
    legal: [['(x: fp32[1, 2, 3, 1] = 1 2 3 4 5 6) window_partition(x=%x, window=2)', 'fp32[1, 2, 4, 1]', [1, 2, 4, 5, 3, 0, 6, 0]]],
    illegal: [
      ['(x: fp32[2, 3, 1]) window_partition(x=%x, window=2)', 'windows of 2 in [2,3,1]'],
      ['(x: int32[1, 2, 3, 1]) window_partition(x=%x, window=2)', floatsOnly],
    ],
  },
  window_merge: {
    legal: [
      ['(x: fp32[1, 2, 4, 1] = 1 2 4 5 3 0 6 0) window_merge(x=%x, window=2, height=2, width=3)', 'fp32[1, 2, 3, 1]', [1, 2, 3, 4, 5, 6]],
    ],
    illegal: [
      ['(x: fp32[1, 2, 4, 1]) window_merge(x=%x, window=2, height=3, width=3)', '[1,2,4,1] are no windows of 2 over 3 × 3'],
      ['(x: fp32[1, 2, 3, 1]) window_merge(x=%x, window=2, height=2, width=3)', '[1,2,3,1] are no windows of 2 over 2 × 3'],
    ],
  },
  cached_attention: {
    legal: [
      [
        '(q: fp32[1, 1, 1] = 0, kc: fp32[1, 1, 1, 2] = 1 1, vc: fp32[1, 1, 1, 2] = 2 4, k: fp32[1, 1, 1] = 1, v: fp32[1, 1, 1] = 6, m: fp32[1, 2] = 1 0) cached_attention(query=%q, key_cache=%kc, value_cache=%vc, key=%k, value=%v, cache_mask=%m, heads=1, scale=1)',
        'fp32[1, 1, 1]',
        [4],
      ],
      [
        '(q: fp32[1, 1, 1] = 0, kc: fp32[1, 1, 1, 2] = 1 1, vc: fp32[1, 1, 1, 2] = 2 4) cached_attention(query=%q, key_cache=%kc, value_cache=%vc, heads=1, scale=1)',
        'fp32[1, 1, 1]',
        [3],
      ],
    ],
    illegal: [
      [
        '(q: fp32[1, 1, 1], kc: fp32[1, 1, 1, 2]) cached_attention(query=%q, key_cache=%kc, value_cache=%kc, key=%q, heads=1, scale=1)',
        'key and value come together',
      ],
      [
        '(q: fp32[2, 1, 1], kc: fp32[1, 1, 1, 2]) cached_attention(query=%q, key_cache=%kc, value_cache=%kc, heads=1, scale=1)',
        'query is [1, tokens, channels]',
      ],
      [
        '(q: fp32[1, 1, 2], kc: fp32[1, 1, 1, 2]) cached_attention(query=%q, key_cache=%kc, value_cache=%kc, heads=1, scale=1)',
        'key_cache is [1,1,1,2], not [1,2,1,slots]',
      ],
      [
        '(q: fp32[1, 1, 1], kc: fp32[1, 1, 1, 2], m: fp32[1, 3]) cached_attention(query=%q, key_cache=%kc, value_cache=%kc, cache_mask=%m, heads=1, scale=1)',
        'cache_mask is [1,3], not [1,2]',
      ],
    ],
  },
}
