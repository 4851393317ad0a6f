import { type AttentionMasks, type Builder, causalMask, type Value } from '@silane/core'

/** How tokens see each other: UniXcoder computes in all three ways with the same weights. */
export const modes = ['encoder-only', 'decoder-only', 'encoder-decoder'] as const
export type Mode = (typeof modes)[number]

/**
 * Guo et al., "UniXcoder: Unified Cross-Modal Pre-training for Code Representation" (2022), section 3.1.
 *
 *     encoder-only      every token sees every token
 *     decoder-only      a token sees itself and what came before
 *     encoder-decoder   tokens marked 1 (the source) see each other, tokens marked 2 (the target) the source and, of the
 *                       target, what came before and themselves: one pass over both equals encoding and then decoding
 */
export function attentionMasks(b: Builder, marks: Value, mode: Mode): AttentionMasks {
  const length = marks.type.shape[1] as number
  const triangle = () => b.constant(causalMask(length))
  if (mode === 'encoder-only') return { keyMask: marks }
  if (mode === 'decoder-only') return { keyMask: marks, mask: triangle() }
  const mark = b.cast({ x: marks, dtype: 'fp32' })
  const keyMask = b.minimum({ x: mark, y: b.scalar(1, mark) })
  const target = b.sub({ x: mark, y: keyMask })
  // −1e4 · target[k] · (1 − target[q] · triangle[q, k]): exp of that is 0 in fp32 as well as in fp16.
  const shown = b.mul({ x: b.expand_dims({ x: target, axes: [2] }), y: triangle() })
  const hidden = b.mul({ x: b.sub({ x: shown, y: b.scalar(1, shown) }), y: b.expand_dims({ x: target, axes: [1] }) })
  return { keyMask, bias: b.expand_dims({ x: b.mul({ x: hidden, y: b.scalar(1e4, hidden) }), axes: [1] }) }
}
