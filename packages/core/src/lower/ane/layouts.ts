import type { Builder } from '../../builder.ts'
import { sizeOf } from '../../constant.ts'
import { constantOf, type Value } from '../../graph/graph.ts'
import { channelsLast, move, type Placed, place, type Slot, sameSlots, standsStill, unplace } from './placement.ts'

/**
 * What is known of the values of a graph while it is lowered for the ANE: each in the plain layout, in places, or both. The
 * first place that it got is its own; every conversion is made at most once.
 */
export class Layouts {
  readonly #builder: Builder
  readonly #plain = new Map<Value, Value>()
  readonly #placed = new Map<Value, Placed[]>()

  constructor(builder: Builder) {
    this.#builder = builder
  }

  setPlain(source: Value, value: Value): void {
    this.#plain.set(source, value)
  }

  setPlaced(source: Value, value: Value, slots: readonly Slot[]): void {
    this.#placed.set(source, [...(this.#placed.get(source) ?? []), { value, slots }])
  }

  /** The places in which a value stands already, its own first. A constant has none: it goes wherever it is used. */
  forms(source: Value): readonly Placed[] {
    return constantOf(source) ? [] : (this.#placed.get(source) ?? [])
  }

  isPlaced(source: Value): boolean {
    return this.forms(source).length > 0
  }

  isPlain(source: Value): boolean {
    return this.#plain.has(source)
  }

  /** Whether the value could be placed. */
  fits({ type: { dtype, shape } }: Value): boolean {
    return (dtype === 'fp32' || dtype === 'fp16') && shape.length >= 1 && shape.length <= 4
  }

  plain(source: Value): Value {
    const known = this.#plain.get(source)
    if (known) return known
    const forms = this.#placed.get(source) ?? []
    const form = forms.find(({ slots }) => standsStill(source.type.shape, slots)) ?? forms[0]
    if (!form) throw new TypeError(`"${source.name}" has no layout yet`)
    const value = unplace(this.#builder, form)
    this.#plain.set(source, value)
    return value
  }

  /** A tensor that stands for no value of the graph, in the plain layout. */
  unplaced(placed: Placed): Value {
    return unplace(this.#builder, placed)
  }

  /** The value as a rank-4 tensor with its axes in these places. */
  place(source: Value, slots: readonly Slot[]): Value {
    const forms = this.#placed.get(source) ?? []
    const known = forms.find(form => sameSlots(form.slots, slots))
    if (known) return known.value
    const [own] = forms
    const plain = this.#plain.get(source)
    const b = this.#builder
    const value = plain || !own ? place(b, this.plain(source), slots) : move(b, own, slots)
    this.setPlaced(source, value, slots)
    return value
  }

  /** Elements that have to move before the value stands in these places. */
  costOf(source: Value, slots: readonly Slot[]): number {
    const { shape } = source.type
    const there = constantOf(source) || this.forms(source).some(form => sameSlots(form.slots, slots))
    return there || (this.isPlain(source) && standsStill(shape, slots)) ? 0 : sizeOf(shape)
  }

  /** Where the value stands with its last axis on the channels; where it could, if it does so nowhere. */
  channelSlots(source: Value): readonly Slot[] {
    return this.forms(source).find(({ slots }) => slots.at(-1) === 1)?.slots ?? channelsLast(source.type.shape.length)
  }

  /** Where `axis` of a placed value stands on the channels, else its own places. */
  slotsFor(source: Value, axis: number): readonly Slot[] | undefined {
    const forms = this.forms(source)
    return (forms.find(({ slots }) => slots.at(axis) === 1) ?? forms[0])?.slots
  }

  /**
   * Where operands of an op of this rank meet: in the places of one of those that have all its axes, and of these where the
   * fewest elements have to move. Undefined where none is placed.
   */
  meetingSlots(operands: readonly Value[], rank: number): readonly Slot[] | undefined {
    const choices = operands.filter(x => x.type.shape.length === rank).flatMap(x => this.forms(x).map(form => form.slots))
    if (choices.length === 0) return rank <= 3 && operands.some(x => this.isPlaced(x)) ? channelsLast(rank) : undefined
    const cost = (slots: readonly Slot[]) => operands.reduce((sum, x) => sum + this.costOf(x, trailing(slots, x)), 0)
    return choices.reduce((best, choice) => (cost(choice) < cost(best) ? choice : best))
  }
}

/** The places of an operand that broadcasts: those of the last axes. */
export const trailing = (slots: readonly Slot[], { type: { shape } }: Value): readonly Slot[] => slots.slice(slots.length - shape.length)
