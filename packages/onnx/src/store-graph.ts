import { create } from '@bufbuild/protobuf'
import type { Graph } from '@silane/core'
import { Attribute_Type, type Node, NodeSchema } from './gen/onnx_pb.ts'
import { type LoweredGraph, type LowerOptions, lowerGraph } from './lower-graph.ts'
import { onnxTypes } from './onnx-types.ts'
import { storedConstant } from './stored-constant.ts'

export interface StoreOptions extends LowerOptions {
  /** How weights are stored. They are float32 when loaded. */
  readonly weights: 'fp32' | 'fp16'
}

/** A graph as a file holds it: initializers as they are stored, and before all else the nodes that widen those in fp16. */
export function storeGraph(graph: Graph, { weights, ...options }: StoreOptions): LoweredGraph {
  const lowered = lowerGraph(graph, options)
  const widened: Node[] = []
  const initializers = lowered.initializers.map(given => {
    const constant = storedConstant(given.constant, weights)
    if (constant === given.constant) return given
    const name = `${given.name}_fp16`
    widened.push(widening(name, given.name))
    return { name, constant }
  })
  return { graph: { ...lowered.graph, node: [...widened, ...lowered.graph.node] }, initializers }
}

/** What is stored in fp16 goes under another name and is cast to its own. */
const widening = (from: string, to: string): Node =>
  create(NodeSchema, {
    opType: 'Cast',
    name: from,
    input: [from],
    output: [to],
    attribute: [{ name: 'to', type: Attribute_Type.INT, i: BigInt(onnxTypes.fp32) }],
  })
