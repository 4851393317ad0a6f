import type { Builder, Output } from '../builder.ts'
import type { Graph, Program, Value } from '../graph/graph.ts'
import type { Port } from '../graph/port.ts'
import type { CallStep } from '../plugin/pipeline.ts'

/** Token ids of a vocabulary of this size. */
export const ids = (vocabulary: number): Port => ({ role: 'ids', below: vocabulary })

/** 1 for a token, 0 for padding. */
export const mask: Port = { role: 'mask' }

/** Segments of which there are this many. */
export const segments = (types: number): Port => ({ role: 'segments', below: types })

/** An output with a row for each token, [B, S, …]: what it holds at padding means nothing. */
export const perToken = (value: Value, rows = 'attention_mask'): Output => ({ value, rows })

/** Integer inputs [B, S] with these ports. */
export const tokenInputs = <N extends string>(b: Builder, ports: Readonly<Record<N, Port>>, shape: readonly number[]): Readonly<Record<N, Value>> =>
  Object.fromEntries(
    (Object.entries(ports) as [N, Port][]).map(([name, port]) => [name, b.input(name, 'int32', shape, port)]),
  ) as Readonly<Record<N, Value>>

/**
 * The step that calls a program: every input takes the thing of its name, and every output gives one, but for those that `feeds` and
 * `gives` name otherwise. `gives` may leave outputs out.
 */
export function callStep(program: Program, feeds: CallStep['feeds'] = {}, gives?: CallStep['gives']): CallStep {
  const [graph] = program.functions as readonly [Graph]
  const same = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, name]))
  return {
    call: program.name,
    feeds: { ...same(graph.inputs.map(({ name }) => name)), ...feeds },
    gives: gives ?? same(graph.outputs.map(({ name }) => name)),
  }
}
