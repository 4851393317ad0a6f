import { constantOf, operand, optionalOperand, type Rule, readAll, scaleConstant } from '@silane/core'

/**
 * A score is decided by its sign, so what is lost on the way counts. In the weights the scale costs no op and, with BERT's 4 heads
 * of 64 channels, no rounding, being 2⁻⁵; and it comes before the product, where the ANE's accumulator ends at 32752.
 */
export const scaleIntoQuery: Rule = {
  name: 'unirel-scale-into-query',
  why: 'a linear layer times a number is a linear layer: no op, and one rounding fewer',
  on: 'mul',
  rewrite: (op, b) => {
    const layer = operand(op, 'x').producer
    const factor = constantOf(operand(op, 'y'))
    const weight = layer?.kind === 'linear' ? constantOf(operand(layer, 'weight')) : undefined
    if (!layer || !weight || !factor || factor.shape.length > 0) return undefined
    const scale = Number(readAll(factor)[0])
    const bias = constantOf(optionalOperand(layer, 'bias'))
    return b.linear({
      x: operand(layer, 'x'),
      weight: b.constant(scaleConstant(weight, scale)),
      ...(bias ? { bias: b.constant(scaleConstant(bias, scale)) } : {}),
    })
  },
}
