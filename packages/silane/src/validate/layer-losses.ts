import type { SourceModel } from '@silane/core'
import { createRuntime } from '@silane/runtime'
import { analyzeGraph, layerOf } from '../analyze-graph.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import { chooseSamples } from './choose-samples.ts'
import { differences, pairs } from './differences.ts'

/** PSNR in dB at the end of each layer, as a device computes it beside the same graph in fp32. */
export type LayerLosses = Readonly<Record<string, number>>

export interface LayerLossContext {
  readonly rewritten: readonly RewrittenProgram[]
  readonly model: SourceModel
  /** Where graphs are written while they run. */
  readonly folder: string
  readonly signal: AbortSignal | undefined
}

/** Two more runs of one sample: seconds up to here. A picture model of a thousand pixels a side has more, and would take minutes. */
const MOST_MACS = 3e10

/**
 * Where in the layers of each function half precision loses what it loses: the pair of the line `total`, looked at behind every layer.
 * By program and function; without those that have fewer than two layers, stay in fp32 or take too long.
 */
export async function layerLosses({
  rewritten,
  model,
  folder,
  signal,
}: LayerLossContext): Promise<ReadonlyMap<string, ReadonlyMap<string, LayerLosses>>> {
  const runtime = createRuntime({ folder, optimize: false })
  const losses = new Map<string, Map<string, LayerLosses>>()
  for (const program of rewritten) {
    const own = new Map<string, LayerLosses>()
    losses.set(program.plan.name, own)
    for (const [name, graph] of program.targets.coreml) {
      signal?.throwIfAborted()
      const pair = pairs.total?.(program, name)
      const { layers, macs } = analyzeGraph(graph)
      if (!pair || graph === program.exact.get(name) || layers.length < 2 || macs > MOST_MACS) continue
      const { samples } = chooseSamples(program.plan.name, pair.expected, model, new Map())
      const found = await differences(pair, layerOf, samples[0]?.inputs ?? {}, runtime)
      own.set(name, Object.fromEntries(found.map(({ part, psnr }) => [part, psnr])))
    }
  }
  return losses
}
