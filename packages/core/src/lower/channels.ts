import type { Builder } from '../builder.ts'
import { reshapeConstant } from '../constant.ts'
import { constantOf, type Value } from '../graph/graph.ts'

/**
 * The two layouts a value may have while a graph is lowered for the ANE, and the conversions between them.
 *
 *     plain [B, S, C]   channels [B, C, 1, S]      the sequence on the last axis, which the ANE pads to 64 bytes,
 *     plain [B, C]      channels [B, C, 1, 1]      and the channels where a convolution wants them
 *
 * Each value is converted at most once each way. `shape` is always the plain one.
 */
export class Channels {
  readonly #builder: Builder
  readonly #plain = new Map<Value, Value>()
  readonly #channels = new Map<Value, Value>()

  constructor(builder: Builder) {
    this.#builder = builder
  }

  setPlain(source: Value, value: Value): void {
    this.#plain.set(source, value)
  }

  setChannels(source: Value, value: Value): void {
    this.#channels.set(source, value)
  }

  /** Whether the value stands in the channel layout already. */
  isChannels(source: Value): boolean {
    return this.#channels.has(source)
  }

  /** Whether the value could stand in the channel layout. */
  fits(source: Value): boolean {
    const { dtype, shape } = source.type
    return (dtype === 'fp32' || dtype === 'fp16') && (shape.length === 2 || shape.length === 3)
  }

  plain(source: Value): Value {
    const known = this.#plain.get(source)
    if (known) return known
    const x = this.#channels.get(source)
    if (!x) throw new TypeError(`"${source.name}" has no layout yet`)
    const b = this.#builder
    const value =
      source.type.shape.length === 2 ? b.squeeze({ x, axes: [2, 3] }) : b.transpose({ x: b.squeeze({ x, axes: [2] }), perm: [0, 2, 1] })
    this.#plain.set(source, value)
    return value
  }

  /** The value as [B, C, 1, S]; `rank` is the plain rank to widen to first, for operands that broadcast. */
  channels(source: Value, rank = source.type.shape.length): Value {
    const known = this.#channels.get(source)
    if (known && rank === source.type.shape.length) return known
    const b = this.#builder
    const x = this.plain(source)
    const widened = [...Array<number>(rank - x.type.shape.length).fill(1), ...x.type.shape]
    const constant = constantOf(x)
    const wide = constant ? b.constant(reshapeConstant(constant, widened)) : b.reshape({ x, shape: widened })
    const value =
      rank === 2 ? b.expand_dims({ x: wide, axes: [2, 3] }) : b.expand_dims({ x: b.transpose({ x: wide, perm: [0, 2, 1] }), axes: [2] })
    if (rank === source.type.shape.length) this.#channels.set(source, value)
    return value
  }
}
