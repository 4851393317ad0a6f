import { Builder } from '../builder.ts'
import { arrayConstant } from '../constant.ts'
import { constantOf, type Graph, operand, optionalOperand, type Value } from '../graph/graph.ts'
import type { ImagePort } from '../graph/port.ts'
import type { RewriteResult } from '../plugin/target.ts'
import { copyBoundary, copyOutputs, mappedArguments } from '../rewrite/rewrite.ts'
import type { Rule } from '../rewrite/rule.ts'
import { foldConstants } from './fold-constants.ts'

/**
 * Inputs that an app passes as a picture take its pixels, 0 to 255, where the source graph takes pixel · scale + bias. That is
 * (pixel + bias/scale) · scale: the sum stands at the input, so that what is padded with zeros later is as the original's, and the
 * factor goes into the weights of the first convolution. The sum is exact: the pixels come in fp32, and a mean of 123.675 rounded to
 * fp16 would shift every patch alike.
 */
export function imageInputs(graph: Graph): RewriteResult {
  if (!graph.inputs.some(({ port }) => port?.image?.picture)) return { graph, hits: {} }
  const b = new Builder(graph.name, { rules: [...foldConstants, scaleIntoConvolution] })
  const values = new Map<Value, Value>()
  for (const { value, copy } of copyBoundary(graph, b, undefined, port => (port?.image?.picture ? { ...port, exact: true } : port)))
    values.set(value, value.port?.image?.picture ? normalized(b, copy, value.port.image) : copy)
  const map = (value: Value): Value => values.get(value) as Value
  for (const op of graph.ops) {
    const names = op.outputs.map(output => output.name)
    const results = b.from(op, names, () => b.emit(op.kind, mappedArguments(op, map)))
    for (const [i, output] of op.outputs.entries()) values.set(output, results[i] as Value)
  }
  return { graph: b.finish(copyOutputs(graph, map)), hits: b.hits }
}

/** pixels [B, C, H, W] from 0 to 255, as the source graph takes them. */
function normalized(b: Builder, pixels: Value, { scale, bias }: ImagePort): Value {
  const perChannel = (of: (channel: number) => number): Value =>
    b.constant(
      arrayConstant(
        'fp32',
        [1, scale.length, 1, 1],
        Float32Array.from(scale, (_, channel) => of(channel)),
      ),
    )
  const shift = (channel: number): number => (bias[channel] as number) / (scale[channel] as number)
  const shifted = bias.every(x => x === 0) ? pixels : b.exact(() => b.add({ x: pixels, y: perChannel(shift) }))
  return scale.every(x => x === 1) ? shifted : b.mul({ x: shifted, y: perChannel(channel => scale[channel] as number) })
}

const scaleIntoConvolution: Rule = {
  name: 'scale-into-convolution',
  why: 'a factor of each input channel is a factor of the weights that read it',
  on: 'conv',
  rewrite: (op, b) => {
    const weight = constantOf(operand(op, 'weight'))
    const product = operand(op, 'x').producer
    if (product?.kind !== 'mul' || !weight || op.attributes.groups !== 1) return undefined
    const factor = constantOf(operand(product, 'y'))
    const rank = weight.shape.length
    if (factor?.shape.length !== rank || !factor.shape.every((dim, axis) => axis === 1 || dim === 1)) return undefined
    const scaled = b.mul({ x: b.constant(weight), y: b.constant(factor) })
    const bias = optionalOperand(op, 'bias')
    return b.emit('conv', { ...op.attributes, x: operand(product, 'x'), weight: scaled, ...(bias ? { bias } : {}) })
  },
}
