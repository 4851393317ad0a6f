import { type Coverage, type Graph, isFloat, own, type SourceModel, sizeOf, type Tensors } from '@silane/core'
import { ENOUGH_ELEMENTS } from '@silane/runtime'
import type { Golden, Goldens } from './goldens.ts'
import { sampleInputs } from './sample-inputs.ts'
import type { StageFunction } from './stage-calls.ts'

/** Inputs of a function, with what the original made of them where that is known. */
export interface StageSample {
  readonly inputs: Tensors
  readonly golden: Tensors | undefined
}

export interface ChosenSamples {
  readonly samples: readonly StageSample[]
  readonly source: Coverage['inputs']
  /** Output → mask, which is an input of the program or stands beside its inputs in the golden file. */
  readonly valid: Readonly<Record<string, string>>
  readonly note: string | undefined
}

const MAX_SAMPLES = 16

/**
 * Golden samples of the function's shapes; else the plugin's own; else random ones, of which an output of few elements wants up to
 * 16. Golden samples are followed by random ones where they are too few for that.
 */
export function chooseSamples(
  program: string,
  { graph, ports }: Pick<StageFunction, 'graph' | 'ports'>,
  model: SourceModel | undefined,
  goldens: Goldens,
  /** What the program's other functions read: a sample with an input that this function lacks and another one has is that one's. */
  others: ReadonlySet<string> = new Set(),
): ChosenSamples {
  const golden = goldens.get(program)
  const rows = ports.outputs.flatMap(({ name, rows: mask }) => (mask === undefined ? [] : [[name, mask] as const]))
  const valid = { ...Object.fromEntries(rows), ...golden?.valid }
  const wanted = samplesFor(graph)
  const shaped = golden?.drive === undefined ? (golden?.samples.filter(({ inputs }) => fits(graph, inputs)) ?? []) : []
  const fitting = shaped.filter(({ inputs }) => isOwn(graph, inputs, others))
  const ofPlugin = own(model?.samples, program)?.filter(inputs => fits(graph, inputs)) ?? []
  const made = (count: number): readonly StageSample[] =>
    (ofPlugin.length > 0 ? ofPlugin.slice(0, count) : sampleInputs(ports, count)).map(inputs => ({ inputs, golden: undefined }))
  if (fitting.length > 0) {
    const samples = fitting.map(({ inputs, outputs }): StageSample => ({ inputs, golden: outputs }))
    return { samples: [...samples, ...made(Math.max(0, wanted - samples.length))], source: 'golden', valid, note: undefined }
  }
  return {
    samples: made(ofPlugin.length > 0 ? ofPlugin.length : wanted),
    source: ofPlugin.length > 0 ? 'plugin' : 'random',
    valid,
    note: golden && shaped.length === 0 ? whyNot(program, graph, golden) : undefined,
  }
}

/** As many as give the smallest output that floats enough elements together; at least a full and a padded one. */
function samplesFor(graph: Graph): number {
  const sizes = graph.outputs.filter(({ value }) => isFloat(value.type.dtype)).map(({ value }) => sizeOf(value.type.shape))
  const smallest = Math.max(1, Math.min(...sizes, ENOUGH_ELEMENTS))
  return Math.min(MAX_SAMPLES, Math.max(2, Math.ceil(ENOUGH_ELEMENTS / smallest)))
}

const fits = (graph: Graph, inputs: Tensors): boolean =>
  [...graph.inputs, ...graph.states].every(({ name, type }) => {
    const given = own(inputs, name)
    return given !== undefined && given.shape.join() === type.shape.join() && sizeOf(given.shape) > 0
  })

const isOwn = (graph: Graph, inputs: Tensors, others: ReadonlySet<string>): boolean => {
  const taken = new Set([...graph.inputs, ...graph.states].map(({ name }) => name))
  return Object.keys(inputs).every(name => taken.has(name) || !others.has(name))
}

/** Golden outputs of a sequence of calls are compared with the program as a whole. */
function whyNot(program: string, graph: Graph, golden: Golden): string | undefined {
  if (golden.drive !== undefined) return undefined
  const list = (shapes: readonly (readonly [name: string, shape: readonly number[] | undefined])[]) =>
    shapes.map(([name, shape]) => (shape ? `${name} [${shape}]` : `no ${name}`)).join(', ')
  const inputs = [...graph.inputs, ...graph.states]
  const wanted = list(inputs.map(({ name, type }) => [name, type.shape]))
  const found = new Set(golden.samples.map(sample => list(inputs.map(({ name }) => [name, own(sample.inputs, name)?.shape]))))
  return `${program}/${graph.name}: the golden outputs were not compared: their samples have ${[...found].join('; or ')}, the program takes ${wanted}${madeWith(golden)}`
}

/** The flags that a case says its golden outputs were made for. */
export const madeWith = ({ flags }: Golden): string => (flags.length > 0 ? `. They were made for ${flags.join(' ')}` : '')
