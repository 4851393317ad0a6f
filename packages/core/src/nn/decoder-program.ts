import { Builder } from '../builder.ts'
import { sizeOf } from '../constant.ts'
import { errors } from '../errors.ts'
import { constantOf, type Program, type Value } from '../graph/graph.ts'
import type { Json, LoadRequest } from '../plugin.ts'

/** Cache slots come in multiples of 32: fp16 rows of 64 bytes, and what the ANE asks of a state's last axis. */
const SLOT_UNIT = 32
const LONGEST_DEFAULT = 1024
const DEFAULT_PREFILL = 64

export interface DecoderSizes {
  /** Cache slots N. */
  readonly context: number
  /** Tokens per prefill call P. */
  readonly prefill: number
}

/** The cache slots and the prefill length of a request. `positions` is undefined for models without a limit. Throws E_OPTION. */
export function decoderSizes(request: LoadRequest, positions: number | undefined): DecoderSizes {
  const most = positions ?? Number.POSITIVE_INFINITY
  const context = request.context ?? Math.floor(Math.min(most, LONGEST_DEFAULT) / SLOT_UNIT) * SLOT_UNIT
  const problem = (option: string, text: string) => errors.E_OPTION({ option, problem: text })
  if (context < SLOT_UNIT || context % SLOT_UNIT !== 0) throw problem('--context', `${context} is not a multiple of ${SLOT_UNIT}`)
  if (context > most) throw problem('--context', `${context} is more than the model's ${most} positions`)
  const prefill = request.prefill ?? Math.min(DEFAULT_PREFILL, context)
  if (prefill < 1 || prefill > context) throw problem('--prefill', `${prefill} is not between 1 and the context of ${context}`)
  if (request.batch !== 1) throw problem('--batch', 'decoders with a cache take one sequence at a time')
  return { context, prefill }
}

/** Consecutive layers of a decoder; a decoder in one piece has all. */
export interface LayerRange {
  readonly from: number
  readonly to: number
  readonly first: boolean
  readonly last: boolean
}

/**
 * What a part of a cut decoder hands to the next, under the name `hidden_states`; a part in the middle, which has an input of that
 * name, gives `hidden_states_out`, since a Core ML function names every value once.
 */
export const handOver = ({ first }: LayerRange, hidden: Value): Readonly<Record<string, Value>> =>
  first ? { hidden_states: hidden } : { hidden_states_out: hidden }

/** Adds the ops of some layers for `tokens` new tokens and gives the outputs. */
export type DecoderBuild = (b: Builder, tokens: number, range: LayerRange) => Readonly<Record<string, Value>>

/**
 * The program `decoder` with its functions `prefill` and `step`, or, where its weights exceed the largest package,
 * `decoder_0`, `decoder_1` …, each with as many consecutive layers as fit, and the names of the chain in order.
 * Throws E_OPTION when one layer alone does not fit.
 */
export function decoderPrograms(
  request: LoadRequest,
  { prefill }: DecoderSizes,
  layers: number,
  build: DecoderBuild,
): { readonly programs: readonly Program[]; readonly pipeline: { readonly [key: string]: Json } } {
  const program = (name: string, from: number, to: number): Program => {
    const range = { from, to, first: from === 0, last: to === layers }
    const functions = (
      [
        ['prefill', prefill],
        ['step', 1],
      ] as const
    ).map(([label, tokens]) => {
      const b = new Builder(label)
      return b.finish(build(b, tokens, range))
    })
    return { name, functions }
  }
  const limit = request.maxPackageBytes
  const bytes = (made: Program) => weightBytes(made, request.precision === 'fp16' ? 2 : 4)
  const whole = program('decoder', 0, layers)
  if (bytes(whole) <= limit) return { programs: [whole], pipeline: {} }

  const programs: Program[] = []
  for (let from = 0; from < layers; ) {
    const name = `decoder_${programs.length}`
    const fits = (to: number) => bytes(program(name, from, to)) <= limit
    if (!fits(from + 1)) {
      throw errors.E_OPTION({ option: '--max-package-size', problem: `${limit} bytes do not hold layer ${from} of this model` })
    }
    // The largest `to` that fits, by bisection: bytes grow with every layer.
    let [least, most] = [from + 1, layers]
    while (least < most) {
      const middle = Math.ceil((least + most) / 2)
      if (fits(middle)) least = middle
      else most = middle - 1
    }
    programs.push(program(name, from, least))
    from = least
  }
  return { programs, pipeline: { chain: programs.map(({ name }) => name) } }
}

/** Bytes of all constants of a program, each counted once, at `width` bytes per float. */
export function weightBytes(program: Program, width: number): number {
  const seen = new Map<string, number>()
  for (const graph of program.functions) {
    for (const op of graph.ops) {
      const constant = constantOf(op.outputs[0])
      if (constant) seen.set(constant.id, sizeOf(constant.shape) * width)
    }
  }
  return [...seen.values()].reduce((sum, size) => sum + size, 0)
}
