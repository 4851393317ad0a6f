import { type Graph, type SourceModel, sizeOf, type Tensors } from '@silane/core'
import type { Golden, Goldens } from './goldens.ts'
import { sampleInputs } from './sample-inputs.ts'

/** Inputs of a function, with what the original made of them where that is known. */
export interface StageSample {
  readonly inputs: Tensors
  readonly golden: Tensors | undefined
}

export interface ChosenSamples {
  readonly samples: readonly StageSample[]
  /** Output → mask, which is an input of the program or stands beside its inputs in the golden file. */
  readonly valid: Readonly<Record<string, string>>
  readonly note: string | undefined
}

/** Golden samples of the function's shapes; else the plugin's own; else random ones. */
export function chooseSamples(program: string, graph: Graph, model: SourceModel | undefined, goldens: Goldens): ChosenSamples {
  const golden = goldens.get(program)
  const valid = { ...model?.valid?.[program], ...golden?.valid }
  const fitting = golden && golden.drive === undefined ? golden.samples.filter(({ inputs }) => fits(graph, inputs)) : []
  if (fitting.length > 0) return { samples: fitting.map(({ inputs, outputs }) => ({ inputs, golden: outputs })), valid, note: undefined }
  const own = model?.samples?.[program]?.filter(inputs => fits(graph, inputs)) ?? []
  const samples = own.length > 0 ? own.map(inputs => ({ inputs })) : sampleInputs(graph)
  return { samples: samples.map(({ inputs }) => ({ inputs, golden: undefined })), valid, note: golden && whyNot(program, graph, golden) }
}

const fits = (graph: Graph, inputs: Tensors): boolean =>
  [...graph.inputs, ...graph.states].every(({ name, type }) => {
    const given = inputs[name]
    return given !== undefined && given.shape.join() === type.shape.join() && sizeOf(given.shape) > 0
  })

/** Golden outputs of a sequence of calls are compared with the program as a whole. */
function whyNot(program: string, graph: Graph, golden: Golden): string | undefined {
  if (golden.drive !== undefined) return undefined
  const wanted = graph.inputs.map(({ name, type }) => `${name} [${type.shape}]`).join(', ')
  return `${program}/${graph.name}: no golden sample has the inputs ${wanted}`
}
