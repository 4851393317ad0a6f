import { Builder } from '../builder.ts'
import {
  type Constant,
  castConstant,
  combineConstants,
  concatConstants,
  gatherConstant,
  readAll,
  reshapeConstant,
  sizeOf,
  sliceConstant,
  transposeConstant,
} from '../constant.ts'
import { layerNormConstant, linearConstant } from '../constant-rows.ts'
import { constantOf, type Op, operand, operandsOf, optionalOperand, type Value } from '../graph/graph.ts'
import { interpret } from '../interpret/interpret.ts'
import { slicedShape } from '../ops/movement.ts'
import { kindsThat, macsOf, traitsOf } from '../ops/ops.ts'
import { sameShape } from '../ops/shapes.ts'
import { mappedArguments } from '../rewrite/rewrite.ts'
import type { Rule } from '../rewrite/rule.ts'

/** A rule that fires when the operand x is constant; the result is a lazy view, so folding reads nothing. */
const onConstant = (on: string | readonly string[], fold: (x: Constant, op: Op) => Constant | undefined): Rule => ({
  name: `fold-${[on].flat().join('-')}`,
  why: 'a view over a constant is a constant',
  on,
  rewrite: (op, b) => {
    const x = constantOf(operand(op, 'x'))
    const folded = x && fold(x, op)
    return folded && b.constant(folded)
  },
})

const arithmetic = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  real_div: (a: number, b: number) => a / b,
  maximum: Math.max,
  minimum: Math.min,
} as const

function combine(op: Op): Constant | undefined {
  const x = constantOf(operand(op, 'x'))
  const y = constantOf(operand(op, 'y'))
  const result = op.outputs[0] as Value
  if (!x || !y) return undefined
  const apply = arithmetic[op.kind as keyof typeof arithmetic]
  if (sameShape(x.shape, result.type.shape)) return combineConstants(op.kind, x, y, apply)
  if (!sameShape(y.shape, result.type.shape)) return undefined
  return traitsOf(op.kind).commutative
    ? combineConstants(op.kind, y, x, apply)
    : combineConstants(`${op.kind}-turned`, y, x, (b, a) => apply(a, b))
}

function slice(x: Constant, op: Op): Constant | undefined {
  const a = op.attributes as {
    begin: number[]
    end: number[]
    stride?: number[]
    begin_mask?: boolean[]
    end_mask?: boolean[]
    squeeze_mask?: boolean[]
  }
  const parts = slicedShape(x.shape, a.begin, a.end, a.stride, a.begin_mask, a.end_mask, a.squeeze_mask)
  if (parts.some(part => part.stride !== 1)) return undefined
  const cut = parts.reduce((view, part, axis) => sliceConstant(view, axis, part.begin, part.end), x)
  return reshapeConstant(cut, (op.outputs[0] as Value).type.shape)
}

/** Constant arithmetic and constant views. */
export const foldConstants: readonly Rule[] = [
  onConstant(kindsThat('reshaping'), (x, op) => reshapeConstant(x, (op.outputs[0] as Value).type.shape)),
  onConstant('transpose', (x, op) => transposeConstant(x, op.attributes.perm as readonly number[])),
  onConstant('cast', (x, op) => castConstant(x, (op.outputs[0] as Value).type.dtype)),
  onConstant('slice_by_index', slice),
  {
    name: 'fold-arithmetic',
    why: 'both sides are known',
    on: Object.keys(arithmetic),
    rewrite: (op, b) => {
      const folded = combine(op)
      return folded && b.constant(folded)
    },
  },
  {
    name: 'fold-split',
    why: 'a piece of a constant is a constant',
    on: 'split',
    rewrite: (op, b) => {
      const x = constantOf(operand(op, 'x'))
      if (!x) return undefined
      const axis = op.attributes.axis as number
      let at = 0
      return (op.attributes.split_sizes as readonly number[]).map(size => {
        at += size
        return b.constant(sliceConstant(x, axis < 0 ? axis + x.shape.length : axis, at - size, at))
      })
    },
  },
  {
    name: 'fold-concat',
    why: 'constants one after the other are a constant',
    on: 'concat',
    rewrite: (op, b) => {
      const parts = (op.operands.values as readonly Value[]).map(constantOf)
      const axis = op.attributes.axis as number
      const rank = (op.outputs[0] as Value).type.shape.length
      return parts.every(part => part !== undefined) ? b.constant(concatConstants(parts, axis < 0 ? axis + rank : axis)) : undefined
    },
  },
  {
    name: 'fold-gather',
    why: 'rows of a constant at constant indices',
    on: 'gather',
    rewrite: (op, b) => {
      const x = constantOf(operand(op, 'x'))
      const indices = constantOf(operand(op, 'indices'))
      if (!x || !indices || op.attributes.axis !== 0 || sizeOf(indices.shape) > MAX_FOLDED_ROWS) return undefined
      const count = x.shape[0] as number
      const rows = Array.from(readAll(indices), Number).map(row => (row < 0 ? row + count : row))
      if (rows.some(row => row < 0 || row >= count)) return undefined
      return b.constant(reshapeConstant(gatherConstant(x, rows), (op.outputs[0] as Value).type.shape))
    },
  },
  {
    name: 'fold-linear',
    why: 'a product of constants is known before anything runs',
    on: 'linear',
    rewrite: (op, b) => {
      const [x, weight, bias] = [operand(op, 'x'), operand(op, 'weight'), optionalOperand(op, 'bias')].map(constantOf)
      if (!x || !weight || sizeOf(x.shape) * (weight.shape[0] as number) > MAX_FOLDED_PRODUCTS) return undefined
      return b.constant(linearConstant(x, weight, bias))
    },
  },
  {
    name: 'fold-layer-norm',
    why: 'the norm of a constant is a constant',
    on: 'layer_norm',
    rewrite: (op, b) => {
      const x = constantOf(operand(op, 'x'))
      const [axis, ...more] = op.attributes.axes as readonly number[]
      if (!x || more.length > 0 || (axis !== -1 && axis !== x.shape.length - 1)) return undefined
      const [gamma, beta] = [optionalOperand(op, 'gamma'), optionalOperand(op, 'beta')].map(constantOf)
      return b.constant(layerNormConstant(x, gamma, beta, op.attributes.epsilon as number))
    },
  },
  {
    name: 'fold-attention',
    why: 'constant queries over constant keys mix to the same every time, as the first self-attention of learned queries does',
    on: 'attention',
    rewrite: (op, b) => {
      const constants = operandsOf(op).map(constantOf)
      if (constants.includes(undefined) || macsOf(op) > MAX_FOLDED_PRODUCTS) return undefined
      const ids = Object.entries(op.operands).map(
        ([name, value]) => `${name}=${constantOf(value as Value)?.id}[${(value as Value).type.shape}]`,
      )
      const { dtype, shape } = (op.outputs[0] as Value).type
      const id = `attention:${JSON.stringify(op.attributes)}(${ids})`
      let whole: Constant | undefined
      const read: Constant['read'] = (start, count) => {
        whole ??= attended(op)
        return whole.read(start, count)
      }
      return b.constant({ dtype, shape, id, read })
    },
  },
]

/** What an op over constants gives, as the interpreter computes it. */
function attended(op: Op): Constant {
  const b = new Builder('fold')
  const [mixed] = b.emit(
    op.kind,
    mappedArguments(op, value => b.constant(constantOf(value) as Constant)),
  )
  return interpret(b.finish({ y: mixed as Value }), {}, { precision: 'declared' }).y as Constant
}

/** A table of positions of 224 × 224 pixels through a matrix is 3.3 billion products and takes seconds, each time that it is read. */
const MAX_FOLDED_PRODUCTS = 2 ** 32

/** Positions of any model in use; more rows than this are a table that should stay a gather. */
const MAX_FOLDED_ROWS = 1 << 16
