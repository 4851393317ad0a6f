import { type Op, operand, optionalOperand } from '@silane/core'
import type { Emitter, OnnxAttribute } from '../emitter.ts'
import { flag, input, number, numbers, optionalInput, result, type Spelling, type Spellings, text } from './spelling.ts'

/** Turns Core ML's pads, (before, after) for each axis, into ONNX's: all befores, then all afters. */
const onnxPads = (pad: readonly number[]): number[] => [...pad.filter((_, i) => i % 2 === 0), ...pad.filter((_, i) => i % 2 === 1)]

/** Padding of a window. onnxruntime computes `same` itself for some windows only, so that it is written out. */
export const padding = (op: Op, window: readonly number[]): Readonly<Record<string, OnnxAttribute>> => {
  const type = text(op, 'pad_type')
  if (type === 'custom') return { pads: onnxPads(numbers(op, 'pad')) }
  if (type === 'valid') return { pads: window.flatMap(() => [0, 0]) }
  const strides = numbers(op, 'strides')
  const dilations = op.attributes.dilations === undefined ? window.map(() => 1) : numbers(op, 'dilations')
  const sizes = operand(op, 'x').type.shape.slice(2)
  const pad = window.flatMap((size, i) => {
    const [stride, dim] = [strides[i] as number, sizes[i] as number]
    const reach = (Math.ceil(dim / stride) - 1) * stride + (size - 1) * (dilations[i] as number) + 1
    const total = Math.max(0, reach - dim)
    const less = Math.floor(total / 2)
    return type === 'same' ? [less, total - less] : [total - less, less]
  })
  return { pads: onnxPads(pad) }
}

/** Gemm takes the weight [out, in] as it is stored, so a table tied to the embeddings is stored once; it wants two axes. */
const linear: Spelling = (op, e) => {
  const { shape } = result(op).type
  const inner = operand(op, 'x').type.shape.at(-1) as number
  const rows = shape.slice(0, -1).reduce((product, dim) => product * dim, 1)
  const flat = shape.length === 2
  const x = flat ? input(op, e, 'x') : e.add('Reshape', [input(op, e, 'x'), e.ints([rows, inner])])
  const bias = optionalOperand(op, 'bias')
  const product = e.add('Gemm', [x, input(op, e, 'weight'), ...(bias ? [e.name(bias)] : [])], { transB: 1 })
  return flat ? product : e.add('Reshape', [product, e.ints(shape)])
}

const turned = (op: Op, e: Emitter, name: string, flagged: boolean): string => {
  if (!flagged) return input(op, e, name)
  const rank = operand(op, name).type.shape.length
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i))
  return e.add('Transpose', [input(op, e, name)], { perm })
}

const matmul: Spelling = (op, e) =>
  e.add('MatMul', [turned(op, e, 'x', flag(op, 'transpose_x')), turned(op, e, 'y', flag(op, 'transpose_y'))])

const conv: Spelling = (op, e) =>
  e.add('Conv', [input(op, e, 'x'), input(op, e, 'weight'), optionalInput(op, e, 'bias')].filter(Boolean), {
    strides: numbers(op, 'strides'),
    dilations: numbers(op, 'dilations'),
    group: number(op, 'groups'),
    ...padding(op, operand(op, 'weight').type.shape.slice(2)),
  })

const convTranspose: Spelling = (op, e) =>
  e.add('ConvTranspose', [input(op, e, 'x'), input(op, e, 'weight'), optionalInput(op, e, 'bias')].filter(Boolean), {
    strides: numbers(op, 'strides'),
    dilations: numbers(op, 'dilations'),
    group: number(op, 'groups'),
    ...(text(op, 'pad_type') === 'same'
      ? { output_shape: result(op).type.shape.slice(2), auto_pad: 'SAME_UPPER' }
      : padding(op, operand(op, 'weight').type.shape.slice(2))),
  })

const attention: Spelling = (op, e) => {
  const query = operand(op, 'query').type
  const rank = query.shape.length
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i))
  const scale = e.scalar(1 / Math.sqrt(query.shape.at(-1) as number), query)
  let scores = e.add('MatMul', [e.add('Mul', [input(op, e, 'query'), scale]), e.add('Transpose', [input(op, e, 'key')], { perm })])
  const mask = optionalOperand(op, 'attn_mask')
  if (mask?.type.dtype === 'bool') {
    // The smallest fp32 drops a key like −∞, and leaves a row without keys finite.
    scores = e.add('Where', [e.name(mask), scores, e.scalar(-3.4028234663852886e38, query)])
  } else if (mask) scores = e.add('Add', [scores, e.name(mask)])
  return e.add('MatMul', [e.add('Softmax', [scores], { axis: -1 }), input(op, e, 'value')])
}

/** ONNX's own inference of shapes takes an axis of 1 for the result's, so that what repeats along one is repeated first. */
function einsum(op: Op, e: Emitter): string {
  const values = [op.operands.values].flat().filter(value => value !== undefined)
  const operands = values.map((value, at) => {
    const { shape } = value.type
    const other = values[1 - at]?.type.shape ?? shape
    // Both have the shared axis before the last, and the leading one, if any, first.
    const wanted = shape.map((dim, axis) =>
      axis === shape.length - 2 || (axis === 0 && shape.length === 4) ? Math.max(dim, other[axis] ?? 1) : dim,
    )
    return wanted.join() === shape.join() ? e.name(value) : e.add('Expand', [e.name(value), e.ints(wanted)])
  })
  return e.add('Einsum', operands, { equation: text(op, 'equation') })
}

export const linearAlgebra: Spellings = {
  linear,
  matmul,
  einsum,
  conv,
  conv_transpose: convTranspose,
  scaled_dot_product_attention: attention,
}
