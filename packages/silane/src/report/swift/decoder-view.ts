import type { DecodeStep } from '@silane/core'
import type { DeployedTensor } from '../../manifest.ts'
import type { Callable } from './callable.ts'
import type { PipelineView } from './pipeline-view.ts'

/** A decoder as Swift drives it. */
export interface DecoderView {
  readonly step: DecodeStep
  /** Cache slots. */
  readonly context: number
  /** The ways to read new tokens, that of the most tokens first. */
  readonly reads: readonly DecoderRead[]
  /** What writes into a state writes at all slots of a call, padding included. */
  readonly stateful: boolean
}

/** One call of all parts of a decoder. */
export interface DecoderRead {
  readonly name: string
  /** New tokens. */
  readonly width: number
  readonly parts: readonly Callable[]
  /** What makes vectors of this many ids. */
  readonly embed: Callable | undefined
}

/** A decoder that reads ids, in calls of many tokens and of one; undefined where it wants something else. */
export function decoderView(step: DecodeStep, view: PipelineView): DecoderView | undefined {
  const parts = step.decode.map(name => view.functions(name))
  const [first = []] = parts
  const cache = [...(first[0]?.fn.inputs ?? []), ...(first[0]?.fn.states ?? [])].find(({ role }) => role === 'cache')
  const context = cache?.shape[3]
  const embeds = typeof step.entry === 'string' ? undefined : view.functions(step.entry.embed)
  const reads = first
    .map(({ fn }): DecoderRead => {
      const width = widthOf(fn.inputs)
      const same = parts.map(functions => functions.find(each => each.fn.name === fn.name)).filter(each => each !== undefined)
      return { name: fn.name, width, parts: same, embed: embeds?.find(each => widthOf(each.fn.inputs) === width) }
    })
    .sort((a, b) => b.width - a.width)
  const entered = (read: DecoderRead) =>
    embeds ? read.embed !== undefined : read.parts[0]?.fn.inputs.some(({ name, role }) => name === step.entry && role === 'ids')
  const whole = reads.every(read => read.width > 0 && read.parts.length === parts.length && entered(read))
  if (context === undefined || !whole || reads.length > 2 || (reads.length === 2 && reads[1]?.width !== 1)) return undefined
  return { step, context, reads, stateful: parts.some(([each]) => (each?.fn.states.length ?? 0) > 0) }
}

const widthOf = (inputs: readonly DeployedTensor[]): number =>
  inputs.find(({ role }) => role === 'positions' || role === 'ids')?.shape[1] ?? 0
