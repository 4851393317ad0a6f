import { byteSize, type Constant, type Graph, sizeOf } from '@silane/core'
import type { LoweredGraph } from './lower-graph.ts'
import { storeGraph } from './store-graph.ts'

/** What an ONNX file holds, counted. */
export interface OnnxContents {
  /** Nodes by operator, most frequent first. */
  readonly ops: Readonly<Record<string, number>>
  readonly initializers: number
  /** Of the initializers, wherever they are stored. */
  readonly weightBytes: number
}

export const bytesIn = ({ shape, dtype }: Constant): number => sizeOf(shape) * byteSize(dtype)

/** Counts by operator, the most frequent first. */
export const sortCounts = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))

export function countContents({ graph, initializers }: LoweredGraph): OnnxContents {
  const counts = new Map<string, number>()
  for (const { opType } of graph.node) counts.set(opType, (counts.get(opType) ?? 0) + 1)
  return {
    ops: sortCounts(counts),
    initializers: initializers.length,
    weightBytes: initializers.reduce((sum, { constant }) => sum + bytesIn(constant), 0),
  }
}

/** What the file of a graph would hold, without writing it. With weights in fp16 their elements are read: not all may fit. */
export const onnxContents = (graph: Graph, weights: 'fp32' | 'fp16'): OnnxContents =>
  countContents(storeGraph(graph, { rounding: 'none', idType: 'int64', weights }))
