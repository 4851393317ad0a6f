import { castConstant, type Graph, type Session, type Tensors } from '@silane/core'
import type { StageSample } from './choose-samples.ts'

/** Opens a session, runs every sample and closes it. Inputs are converted to the types of the graph. */
export async function runSamples(open: () => Promise<Session>, graph: Graph, samples: readonly StageSample[]): Promise<readonly Tensors[]> {
  const session = await open()
  try {
    const outputs: Tensors[] = []
    for (const { inputs } of samples) outputs.push(await session.run(fitting(graph, inputs)))
    return outputs
  } finally {
    await session.close()
  }
}

const fitting = (graph: Graph, inputs: Tensors): Tensors =>
  Object.fromEntries(
    [...graph.inputs, ...graph.states].flatMap(({ name, type }) => {
      const given = inputs[name]
      return given ? [[name, castConstant(given, type.dtype)]] : []
    }),
  )
