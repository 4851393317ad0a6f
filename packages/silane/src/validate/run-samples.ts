import { castConstant, type Graph, type Session, type Tensors } from '@silane/core'
import type { StageSample } from './choose-samples.ts'

/** Runs every sample through a session, which is closed in the end. Inputs are converted to the types of the graph. */
export async function runSamples(session: Session, graph: Graph, samples: readonly StageSample[]): Promise<readonly Tensors[]> {
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
    graph.inputs.flatMap(({ name, type }) => {
      const given = inputs[name]
      return given ? [[name, castConstant(given, type.dtype)]] : []
    }),
  )
