import type { Builder } from '../builder.ts'
import { type Constant, transposeConstant } from '../constant.ts'
import { constantOf, type Op, operand, optionalOperand, type Value } from '../graph/graph.ts'
import { asOp, traitsOf } from '../ops/ops.ts'
import type { Rule } from '../rewrite/rule.ts'

interface Projection {
  /** What is projected, in the shape of the result but for its channels. */
  readonly x: Value
  readonly weight: Constant
  readonly bias: Constant | undefined
}

/** The linear layer that makes a value, seen through reshapes that leave the channels alone. */
function projectionOf(b: Builder, value: Value): Projection | undefined {
  const { producer } = value
  if (!producer) return undefined
  if (producer.kind === 'linear') {
    const weight = constantOf(operand(producer, 'weight'))
    return weight && { x: operand(producer, 'x'), weight, bias: constantOf(optionalOperand(producer, 'bias')) }
  }
  const from = traitsOf(producer.kind).reshaping ? operand(producer, 'x') : undefined
  if (from?.producer?.kind !== 'linear' || from.type.shape.at(-1) !== value.type.shape.at(-1)) return undefined
  const inner = projectionOf(b, from)
  return inner && { ...inner, x: b.reshape({ x: inner.x, shape: value.type.shape.with(-1, inner.weight.shape[1] as number) }) }
}

const relative = ['relative_query', 'relative_key', 'relative_rows', 'relative_columns']
const isRelative = (op: Op): boolean => relative.some(name => optionalOperand(op, name) !== undefined)

/** Queries and keys of one row, and of one window where there are some. */
const tokens = (value: Value): number => value.type.shape.at(-2) as number

/**
 * Attention of one head is softmax(q·kᵀ)·v with nothing between the products but the softmax, so that a projection may go to the side that
 * has fewer rows. Both are worth most where a few latents attend to a great many inputs (Jaegle et al. 2021). Each counts what it saves.
 */
export const singleHeads: readonly Rule[] = [
  {
    name: 'key-weight-into-query',
    why: 'q·(W·x + b) is (q·W)·x and the same q·b for every key, which the softmax cancels; with constant queries q·W is one too',
    on: 'attention',
    rewrite: (source, b) => {
      const op = asOp(source, 'attention')
      if (op?.attributes.heads !== 1 || isRelative(source) || !constantOf(op.operands.query)) return undefined
      const { query, key } = op.operands
      const projection = projectionOf(b, key)
      if (!projection) return undefined
      const { x, weight } = projection
      const [width, inner] = weight.shape as [number, number]
      if (inner * width + tokens(query) * width <= tokens(query) * inner) return undefined
      const turned = b.constant(transposeConstant(weight, [1, 0]))
      return b.attention({ ...op.operands, ...op.attributes, query: b.linear({ x: query, weight: turned }), key: x })
    },
  },
  {
    name: 'value-weight-after-attention',
    why: 'the weights of a softmax add up to 1, so that Σ p·(W·x + b) is W·(Σ p·x) + b',
    on: 'attention',
    rewrite: (source, b) => {
      const op = asOp(source, 'attention')
      if (op?.attributes.heads !== 1) return undefined
      const { query, value } = op.operands
      const projection = projectionOf(b, value)
      if (!projection) return undefined
      const { x, weight, bias } = projection
      const [width, inner] = weight.shape as [number, number]
      const [queries, keys] = [tokens(query), tokens(value)]
      if (keys * inner * width + queries * keys * width <= queries * keys * inner + queries * inner * width) return undefined
      const mixed = b.attention({ ...op.operands, ...op.attributes, value: x })
      return b.linear({ x: mixed, weight: b.constant(weight), ...(bias ? { bias: b.constant(bias) } : {}) })
    },
  },
]
