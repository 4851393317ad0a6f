import {
  AXIS_CAP,
  byteSize,
  constantOf,
  type DType,
  type Graph,
  macsOf,
  type Op,
  type Origin,
  operand,
  printType,
  sizeOf,
  traitsOf,
  type Value,
} from '@silane/core'

export interface LayerAnalysis {
  /** The module of the checkpoint, up to its number: `encoder.layer.3`. */
  readonly layer: string
  readonly ops: number
  readonly reshapes: number
  readonly transposes: number
  readonly macs: number
  /** Of weights, each counted in the first layer that takes it. */
  readonly bytes: number
}

/** What can be said of a graph without running it. */
export interface GraphAnalysis {
  /** Without constants. */
  readonly ops: number
  readonly histogram: Readonly<Record<string, number>>
  /** Each constant once. */
  readonly constants: number
  readonly constantBytes: number
  /** Multiply-accumulates of convolutions and matrix products. */
  readonly macs: number
  readonly convs: number
  readonly gathers: number
  /** reshape, expand_dims and squeeze. */
  readonly reshapes: number
  readonly transposes: number
  readonly layers: readonly LayerAnalysis[]
  /** Axis and rank of each softmax, counted: `axis 1 of 4`. */
  readonly softmaxAxes: Readonly<Record<string, number>>
  readonly maxRank: number
  /** Values with an axis over the cap: outputs of the graph, which the CPU may hold, and values inside. */
  readonly overCap: { readonly border: readonly string[]; readonly inside: readonly string[] }
  /** Element types of computed values, counted. */
  readonly dtypes: Readonly<Record<string, number>>
  /** Ops that keep fp32 in a graph that computes in fp16. */
  readonly exact: number
  /** The computed value that takes most memory. */
  readonly largest: { readonly value: string; readonly bytes: number } | undefined
}

const reshapes = (op: Op): boolean => traitsOf(op.kind).reshaping === true

/** Counts what tells how well a graph fits the ANE. */
export function analyzeGraph(graph: Graph): GraphAnalysis {
  const ops = graph.ops.filter(op => op.kind !== 'const')
  const values = ops.flatMap(op => op.outputs)
  const border = new Set([...graph.inputs, ...graph.outputs.map(({ value }) => value)])
  const over = [...graph.inputs, ...values].filter(value => value.type.shape.some(dim => dim > AXIS_CAP))
  const constants = new Map(graph.ops.map(op => constantOf(op.outputs[0])).flatMap(c => (c ? [[`${c.dtype} ${c.id}`, c] as const] : [])))
  const count = (test: (op: Op) => boolean) => ops.filter(test).length
  return {
    ops: ops.length,
    histogram: tally(ops.map(op => op.kind)),
    constants: constants.size,
    constantBytes: [...constants.values()].reduce((sum, c) => sum + sizeOf(c.shape) * byteSize(c.dtype), 0),
    macs: ops.reduce((sum, op) => sum + macsOf(op), 0),
    convs: count(op => op.kind === 'conv'),
    gathers: count(op => op.kind.startsWith('gather')),
    reshapes: count(reshapes),
    transposes: count(op => op.kind === 'transpose'),
    layers: layersOf(ops),
    softmaxAxes: tally(ops.filter(op => op.kind === 'softmax').map(softmaxAxis)),
    maxRank: [...graph.inputs, ...values].reduce((most, value) => Math.max(most, value.type.shape.length), 0),
    overCap: {
      border: over.filter(value => border.has(value)).map(describe),
      inside: over.filter(value => !border.has(value)).map(describe),
    },
    dtypes: tally(values.map(value => value.type.dtype satisfies DType)),
    exact: values.some(value => value.type.dtype === 'fp16') ? count(op => op.kind !== 'cast' && op.outputs[0]?.type.dtype === 'fp32') : 0,
    largest: largestOf(values),
  }
}

const bytesOf = ({ type }: Value): number => sizeOf(type.shape) * byteSize(type.dtype)

function largestOf(values: readonly Value[]): GraphAnalysis['largest'] {
  const [first, ...more] = values
  if (!first) return undefined
  const value = more.reduce((most, next) => (bytesOf(next) > bytesOf(most) ? next : most), first)
  return { value: describe(value), bytes: bytesOf(value) }
}

const describe = (value: Value): string => `${value.name}: ${printType(value.type)}`

/** Counts by key, the most frequent first. */
function tally(keys: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}

function softmaxAxis(op: Op): string {
  const rank = operand(op, 'x').type.shape.length
  const axis = Number(op.attributes.axis)
  return `axis ${axis < 0 ? axis + rank : axis} of ${rank}`
}

/** The layer of an op: its module up to the last number that a name of it has, `encoder.layer.3`; undefined where it is in none. */
export const layerOf = ({ module }: Origin): string | undefined => /^(?:[^.]+\.)*?\d+(?=\.|$)/.exec(module)?.[0]

function layersOf(ops: readonly Op[]): LayerAnalysis[] {
  const layers = new Map<string, Op[]>()
  for (const op of ops) {
    const layer = layerOf(op.origin)
    if (layer === undefined) continue
    const own = layers.get(layer)
    if (own) own.push(op)
    else layers.set(layer, [op])
  }
  const seen = new Set<string>()
  return [...layers].map(([layer, own]) => ({
    layer,
    ops: own.length,
    reshapes: own.filter(reshapes).length,
    transposes: own.filter(op => op.kind === 'transpose').length,
    macs: own.reduce((sum, op) => sum + macsOf(op), 0),
    bytes: own
      .flatMap(({ operands }) => Object.values(operands).flat())
      .reduce((sum, value) => {
        const constant = constantOf(value)
        const key = constant && `${constant.dtype} ${constant.id}`
        if (!constant || key === undefined || seen.has(key)) return sum
        seen.add(key)
        return sum + sizeOf(constant.shape) * byteSize(constant.dtype)
      }, 0),
  }))
}
