import { type Constant, computedConstant } from '@silane/core'

/**
 * How much each head minds distance. A power of two of heads, n, has 2^(−8/n), 2^(−16/n) … 2^(−8). Others have the slopes of the
 * largest power of two below them, followed by every other one of those of the next power of two.
 */
export function alibiSlopes(heads: number): readonly number[] {
  const even = 2 ** Math.floor(Math.log2(heads))
  const slopes = (count: number) => Array.from({ length: count }, (_, i) => 2 ** ((-8 * (i + 1)) / count))
  const between = slopes(2 * even).filter((_, i) => i % 2 === 0)
  return [...slopes(even), ...between.slice(0, heads - even)]
}

/**
 * −slope·|i − j| [1, heads, S, S]: Press et al., "Train Short, Test Long: Attention with Linear Biases Enables Input Length
 * Extrapolation" (2021), on both sides of a token, as an encoder needs it.
 */
export function alibi(heads: number, length: number): Constant {
  const slopes = alibiSlopes(heads)
  const square = length * length
  return computedConstant('fp32', [1, heads, length, length], 'alibi', index => {
    const place = index % square
    const distance = Math.abs(Math.floor(place / length) - (place % length))
    return distance === 0 ? 0 : -(slopes[Math.floor(index / square)] as number) * distance
  })
}
