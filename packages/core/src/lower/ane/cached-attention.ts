import { lowerCachedAttention } from '../cached-attention.ts'
import { scaledQuery } from './attention.ts'
import { type LayoutRule, resultOf } from './layout-rule.ts'
import { channelsLast } from './placement.ts'

/** Queries, keys and values of new tokens in their places; the cache as it is. */
export const cachedAttention: LayoutRule = (op, lowering) => {
  const { b, layout, precision } = lowering
  const slots = channelsLast(3)
  const mixed = lowerCachedAttention(
    op,
    b,
    {
      query: (x, scale) => scaledQuery(x, scale, slots, lowering),
      channels: x => layout.place(x, slots),
      plain: x => layout.plain(x),
    },
    precision,
  )
  layout.setPlaced(resultOf(op), mixed, slots)
  return true
}
