import type { Builder, Output } from '../builder.ts'
import type { Graph, Program, Value } from '../graph/graph.ts'
import type { ImagePort, ImageStep, Port } from '../graph/port.ts'
import type { CallStep } from '../plugin/pipeline.ts'

/** Token ids of a vocabulary of this size. */
export const ids = (vocabulary: number): Port => ({ role: 'ids', below: vocabulary })

/** 1 for a token, 0 for padding. */
export const mask: Port = { role: 'mask' }

/** Segments of which there are this many. */
export const segments = (types: number): Port => ({ role: 'segments', below: types })

interface ImageSettings {
  readonly color?: ImagePort['color']
  readonly picture?: boolean
}

/**
 * Pixels that these steps make of a picture. Scale and bias are what `rescale` and `normalize` come to together:
 * (p·f − μ) / σ = p·(f/σ) − μ/σ. With `picture` Core ML takes the picture itself (`imageOptions`).
 */
export function image(steps: readonly ImageStep[], { color = 'rgb', picture = false }: ImageSettings = {}): Port {
  const channels = Array.from({ length: color === 'gray' ? 1 : 3 }, (_, channel) => channel)
  let [scale, bias] = [channels.map(() => 1), channels.map(() => 0)]
  for (const step of steps) {
    if ('rescale' in step) [scale, bias] = [scale.map(x => x * step.rescale), bias.map(x => x * step.rescale)]
    if ('normalize' in step) {
      const { mean, std } = step.normalize
      const at = (list: readonly number[], channel: number): number => list[channel] ?? Number.NaN
      scale = channels.map(channel => at(scale, channel) / at(std, channel))
      bias = channels.map(channel => (at(bias, channel) - at(mean, channel)) / at(std, channel))
    }
  }
  return { role: 'image', image: { color, scale, bias, steps, ...(picture ? { picture } : {}) } }
}

/** An output with a row for each token, [B, S, …]: what it holds at padding means nothing. */
export const perToken = (value: Value, rows = 'attention_mask'): Output => ({ value, rows })

/** A vector for each text [B, C]; passages are compared with questions by the product of theirs. */
export const comparedByProduct = (value: Value): Output => ({ value, role: 'embedding', similarity: 'dot' })

/** Ports by the names of the inputs. */
export type Ports = { readonly [name: string]: Port | undefined }

/** The inputs with these ports. */
export type InputsOf<P extends Ports> = { readonly [K in keyof P]: Value }

/** Integer inputs with these ports, all of one shape such as [B, S]. */
export const tokenInputs = <P extends Ports>(b: Builder, ports: P, shape: readonly number[]): InputsOf<P> =>
  Object.fromEntries(
    Object.entries(ports).flatMap(([name, port]) => (port ? [[name, b.input(name, 'int32', shape, port)]] : [])),
  ) as InputsOf<P>

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

/**
 * The step of a text encoder in front of a decoder: what it reads are things with the prefix `encoder_`, since the decoder's own tokens
 * are called the same, and what it gives is what the decoder attends to.
 */
export const encoderStep = (program: Program): CallStep => {
  const [graph] = program.functions as readonly [Graph]
  return {
    call: program.name,
    feeds: Object.fromEntries(graph.inputs.map(({ name }) => [name, `encoder_${name}`])),
    gives: { cross_key: 'cross_key', cross_value: 'cross_value' },
  }
}
