import { type Op, operand, type Value } from '../graph/graph.ts'
import { kindsThat, traitsOf } from '../ops/ops.ts'
import { sameShape } from '../ops/shapes.ts'
import type { Rule } from '../rewrite/rule.ts'

const reshapes = kindsThat('reshaping')
const resultOf = (op: Op): Value => op.outputs[0] as Value
const perm = (op: Op): readonly number[] => op.attributes.perm as readonly number[]

/** Rules that remove movement which moves nothing. */
export const simplify: readonly Rule[] = [
  {
    name: 'drop-transpose-pair',
    why: 'transpose(transpose(x)) is one transpose, or none when the second puts every axis back',
    on: 'transpose',
    rewrite: (op, b) => {
      const inner = operand(op, 'x').producer
      if (inner?.kind !== 'transpose') return undefined
      const composed = perm(op).map(axis => perm(inner)[axis] as number)
      const x = operand(inner, 'x')
      return composed.every((axis, i) => axis === i) ? x : b.transpose({ x, perm: composed })
    },
  },
  {
    name: 'drop-identity-transpose',
    why: 'no axis moves',
    on: 'transpose',
    rewrite: op => (perm(op).every((axis, i) => axis === i) ? operand(op, 'x') : undefined),
  },
  {
    name: 'transpose-of-units-to-reshape',
    why: 'axes of size 1 move without moving an element',
    on: 'transpose',
    rewrite: (op, b) => {
      const x = operand(op, 'x')
      const moved = perm(op).filter(axis => x.type.shape[axis] !== 1)
      const ordered = moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))
      return ordered ? b.reshape({ x, shape: resultOf(op).type.shape }) : undefined
    },
  },
  {
    name: 'drop-reshape',
    why: 'the shape stays',
    on: reshapes,
    rewrite: op => (sameShape(operand(op, 'x').type.shape, resultOf(op).type.shape) ? operand(op, 'x') : undefined),
  },
  {
    name: 'merge-reshapes',
    why: 'only the last shape matters',
    on: reshapes,
    rewrite: (op, b) => {
      const inner = operand(op, 'x').producer
      if (!inner || !traitsOf(inner.kind).reshaping) return undefined
      return b.reshape({ x: operand(inner, 'x'), shape: resultOf(op).type.shape })
    },
  },
  {
    name: 'drop-cast',
    why: 'the type stays',
    on: 'cast',
    rewrite: op => (operand(op, 'x').type.dtype === resultOf(op).type.dtype ? operand(op, 'x') : undefined),
  },
  {
    name: 'drop-identity',
    why: 'a second name for a value is not an op',
    on: 'identity',
    rewrite: op => operand(op, 'x'),
  },
]
