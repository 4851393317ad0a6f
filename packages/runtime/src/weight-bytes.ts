import { byteSize, constantOf, type Graph, sizeOf } from '@silane/core'
import { dataKey } from '@silane/onnx'

/** Bytes of a graph's constants, each once. */
export function weightBytes(graph: Graph): number {
  const sizes = new Map<string, number>()
  for (const op of graph.ops) {
    const constant = constantOf(op.outputs[0])
    if (constant) sizes.set(dataKey(constant), sizeOf(constant.shape) * byteSize(constant.dtype))
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}
