import type { Builder } from '../../builder.ts'
import { computedConstant } from '../../constant.ts'
import type { Value } from '../../graph/graph.ts'
import { asOp } from '../../ops/ops.ts'
import { type LayoutRule, resultOf } from './layout-rule.ts'
import { trailing } from './layouts.ts'
import { channelsLast } from './placement.ts'

/**
 * Rotary positions on the channels: the halves of every head change places in one split and one concat, and the minus sign goes into the sines,
 * which costs nothing where they are known. Channels that are not turned have cosine 1 and sine 0.
 */
export const rotary: LayoutRule = (source, { b, layout }) => {
  const op = asOp(source, 'rotary')
  if (!op) return false
  const { x, cos, sin } = op.operands
  const { heads } = op.attributes
  const slots = channelsLast(x.type.shape.length)
  const own = layout.place(x, slots)
  const size = (own.type.shape[1] as number) / heads
  const turned = cos.type.shape.at(-1) as number
  const halves = [turned / 2, turned / 2]
  const rest = turned < size ? [size - turned] : []

  const cosines = layout.place(cos, trailing(slots, cos))
  const sines = layout.place(sin, trailing(slots, sin))
  const [first, second] = b.split({ x: sines, axis: 1, split_sizes: halves }) as [Value, Value]
  const minus = b.mul({ x: first, y: b.scalar(-1, first) })
  const still = (value: number) => rest.map(count => filled(b, cosines, count, value))
  const all = (parts: readonly Value[]) => together(b, Array<readonly Value[]>(heads).fill(parts).flat())

  const pieces = b.split({
    x: own,
    axis: 1,
    split_sizes: Array<readonly number[]>(heads)
      .fill([...halves, ...rest])
      .flat(),
  })
  const perHead = pieces.length / heads
  const swapped = Array.from({ length: heads }, (_, head) => pieces.slice(head * perHead, (head + 1) * perHead))
  const other = together(
    b,
    swapped.flatMap(([low, high, ...more]) => [high as Value, low as Value, ...more]),
  )
  const y = b.add({
    x: b.mul({ x: own, y: all([cosines, ...still(1)]) }),
    y: b.mul({ x: other, y: all([minus, second, ...still(0)]) }),
  })
  layout.setPlaced(resultOf(op), y, slots)
  return true
}

const together = (b: Builder, values: readonly Value[]): Value =>
  values.length === 1 ? (values[0] as Value) : b.concat({ values, axis: 1 })

/** `count` channels of one value beside `like`. */
const filled = (b: Builder, like: Value, count: number, value: number): Value =>
  b.constant(computedConstant(like.type.dtype, like.type.shape.with(1, count), `all ${value}`, () => value))
