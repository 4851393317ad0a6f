import type { Builder } from '../../builder.ts'
import type { Value } from '../../graph/graph.ts'
import { sameShape } from '../../ops/shapes.ts'

/** An axis of a rank-4 tensor as the ANE has it: batch, channels, height, width. */
export type Slot = 0 | 1 | 2 | 3

const allSlots: readonly Slot[] = [0, 1, 2, 3]

/** A value as a rank-4 tensor. `slots[i]` is where its axis i stands; a slot that no axis takes has the size 1. */
export interface Placed {
  readonly value: Value
  readonly slots: readonly Slot[]
}

/**
 * Where the axes of a value with channels last stand: the channels where a convolution wants them, the tokens on the last
 * axis, which the ANE pads to 64 bytes, rows of tokens before it.
 *
 *     [C] 1 · [B, C] 0,1 · [B, S, C] 0,3,1 · [B, H, W, C] 0,2,3,1
 */
export const channelsLast = (rank: number): readonly Slot[] => {
  const slots = ([[1], [0, 1], [0, 3, 1], [0, 2, 3, 1]] as const)[rank - 1]
  if (!slots) throw new RangeError(`no placement of rank ${rank}`)
  return slots
}

/** [B, C, H, W], what convolutions take and give. */
export const channelsFirst: readonly Slot[] = allSlots

/** The shape of the rank-4 tensor. */
export function placedShape(shape: readonly number[], slots: readonly Slot[]): number[] {
  const out = [1, 1, 1, 1]
  for (const [axis, slot] of slots.entries()) out[slot] = shape[axis] as number
  return out
}

const unused = (slots: readonly Slot[]): Slot[] => allSlots.filter(slot => !slots.includes(slot))
/** The axes of a value in the order in which they stand in memory once it is placed. */
const inOrder = (slots: readonly Slot[]): number[] => [...slots.keys()].sort((a, b) => (slots[a] as Slot) - (slots[b] as Slot))

/** Whether a value of this shape has the same bytes placed and plain: only axes of size 1 change their places. */
export function standsStill(shape: readonly number[], slots: readonly Slot[]): boolean {
  const moving = inOrder(slots).filter(axis => shape[axis] !== 1)
  return moving.every((axis, i) => i === 0 || axis > (moving[i - 1] as number))
}

/** A plain value placed: at most one transpose. */
export function place(b: Builder, plain: Value, slots: readonly Slot[]): Value {
  const turned = b.transpose({ x: plain, perm: inOrder(slots) })
  const axes = unused(slots)
  return axes.length > 0 ? b.expand_dims({ x: turned, axes }) : turned
}

/** A placed value in the plain layout: at most one transpose. */
export function unplace(b: Builder, { value, slots }: Placed): Value {
  const axes = unused(slots)
  const x = axes.length > 0 ? b.squeeze({ x: value, axes }) : value
  const order = inOrder(slots)
  return b.transpose({ x, perm: slots.map((_, axis) => order.indexOf(axis)) })
}

/** A placed value in other places: one transpose. */
export function move(b: Builder, { value, slots }: Placed, to: readonly Slot[]): Value {
  const free = unused(slots)
  const perm = allSlots.map(slot => slots[to.indexOf(slot)] ?? (free.shift() as Slot))
  return b.transpose({ x: value, perm })
}

export const sameSlots = (a: readonly Slot[], b: readonly Slot[]): boolean => sameShape(a, b)

/** All ways to place `rank` axes. */
function placements(rank: number, taken: readonly Slot[] = []): readonly (readonly Slot[])[] {
  if (taken.length === rank) return [taken]
  return unused(taken).flatMap(slot => placements(rank, [...taken, slot]))
}

/**
 * Where the axes of `to` stand when a value of shape `from` that stands in `slots` is reshaped without moving an element: axes
 * that merge or split have to be neighbours in memory. Of several places the one that moves least, then the usual one, then
 * one that fills the last axis. Undefined where elements would have to move.
 */
export function reshapedSlots(from: readonly number[], slots: readonly Slot[], to: readonly number[]): readonly Slot[] | undefined {
  if (to.length === 0 || to.length > 4) return undefined
  const pieces = commonPieces(from, to)
  if (!pieces) return undefined
  const [own, next] = pieces
  const memory = inOrder(slots).flatMap(axis => own[axis] as number[])
  const kept = new Map(own.map((axis, i) => [axis.join(), slots[i] as Slot]))
  const usual = channelsLast(to.length)
  const worth = (choice: readonly Slot[]): number =>
    choice.reduce((sum: number, slot, axis) => {
      const same = to[axis] !== 1 && kept.get((next[axis] as number[]).join()) === slot
      return sum + (same ? 10 : 0) + (slot === 3 && to[axis] !== 1 ? 2 : 0) + (slot === usual[axis] ? 1 : 0)
    }, 0)
  return placements(to.length)
    .filter(choice =>
      sameShape(
        inOrder(choice).flatMap(axis => next[axis] as number[]),
        memory,
      ),
    )
    .reduce<readonly Slot[] | undefined>((best, choice) => (best && worth(best) >= worth(choice) ? best : choice), undefined)
}

type Pieces = readonly (readonly number[])[]

/** Two shapes of equal size over common factors: for each axis the numbers of the factors that it is made of; none for an axis of size 1. */
function commonPieces(a: readonly number[], b: readonly number[]): readonly [Pieces, Pieces] | undefined {
  const ends = (shape: readonly number[]) => shape.map((_, axis) => shape.slice(0, axis + 1).reduce((product, dim) => product * dim, 1))
  const cuts = [...new Set([1, ...ends(a), ...ends(b)])].sort((x, y) => x - y)
  if (cuts.some((cut, i) => i > 0 && cut % (cuts[i - 1] as number) !== 0)) return undefined
  const piecesOf = (shape: readonly number[]) =>
    ends(shape).map((end, axis) => {
      const begin = end / (shape[axis] as number)
      return [...cuts.keys()].filter(i => i > 0 && (cuts[i - 1] as number) >= begin && (cuts[i] as number) <= end)
    })
  return [piecesOf(a), piecesOf(b)]
}
