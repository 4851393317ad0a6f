import { type Graph, sizeOf, type Tensors, type Value } from '@silane/core'
import { compareSamples } from '@silane/runtime'
import { layerOf } from '../analyze-graph.ts'
import { lastValues } from './differences.ts'

/** How far a layer's end is from the same in fp32, with everything rounded as a device rounds it. */
export interface LayerLoss {
  readonly layer: string
  /** dB. */
  readonly psnr: number
}

/** A graph whose values at the ends of layers are outputs too. */
export interface ProbedGraph {
  readonly graph: Graph
  readonly layers: readonly string[]
}

/** No program has an output of this name. */
const PROBE = 'silane.layer.'

/** Elements of all probes: they are held for one sample, and a picture model of a thousand pixels a side has 40 million. */
const MOST_ELEMENTS = 2 ** 26

/**
 * Two graphs of one function, in fp32 and in half precision, with the ends of their layers as outputs; undefined where there are fewer
 * than two layers. `written` is the second graph as its file has it, where the same values have the same names.
 */
export function probeLayers(exact: Graph, target: Graph, written: Graph): readonly [ProbedGraph, ProbedGraph] | undefined {
  const others = lastValues(target, layerOf)
  const byName = new Map(written.ops.flatMap(({ outputs }) => outputs.map(value => [value.name, value] as const)))
  const ends = [...lastValues(exact, layerOf)].flatMap(([layer, value]) => {
    const other = byName.get(others.get(layer)?.name ?? '')
    return other && other.type.shape.join() === value.type.shape.join() ? [{ layer, value, other }] : []
  })
  if (ends.length < 2 || ends.reduce((sum, { value }) => sum + sizeOf(value.type.shape), 0) > MOST_ELEMENTS) return undefined
  const layers = ends.map(({ layer }) => layer)
  const probed = (graph: Graph, values: readonly Value[]): ProbedGraph => ({
    graph: { ...graph, outputs: [...graph.outputs, ...values.map((value, i) => ({ name: `${PROBE}${i}`, value }))] },
    layers,
  })
  return [probed(exact, ends.map(({ value }) => value)), probed(written, ends.map(({ other }) => other))] // biome-ignore format: a pair
}

/** The outputs of a probed graph, those of the function and those of the probes apart. */
export function splitProbes(outputs: Tensors): { readonly own: Tensors; readonly probes: Tensors } {
  const all = Object.entries(outputs)
  return {
    own: Object.fromEntries(all.filter(([name]) => !name.startsWith(PROBE))),
    probes: Object.fromEntries(all.filter(([name]) => name.startsWith(PROBE))),
  }
}

/** What is lost behind each layer, of the probes of both graphs. */
export const lossesOf = (layers: readonly string[], references: Tensors, actual: Tensors): readonly LayerLoss[] =>
  layers.flatMap((layer, i) => {
    const [reference, found] = [references[`${PROBE}${i}`], actual[`${PROBE}${i}`]]
    return reference && found ? [{ layer, psnr: compareSamples([{ reference, actual: found }]).psnr }] : []
  })
