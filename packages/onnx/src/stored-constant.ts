import { type Constant, castConstant, chunks, sizeOf } from '@silane/core'

const LARGEST_HALF = 65504

/**
 * A constant as it is stored: float32 tensors in fp16 where that was asked for. What fp16 cannot hold stays as it is, such as
 * the score of a masked key, which would be −∞ and make NaN of a row without keys.
 */
export function storedConstant(constant: Constant, weights: 'fp32' | 'fp16'): Constant {
  if (weights === 'fp32' || constant.dtype !== 'fp32' || sizeOf(constant.shape) === 1) return constant
  if (constant.widened?.dtype !== 'fp16' && !fitsHalf(constant)) return constant
  return castConstant(constant, 'fp16')
}

function fitsHalf(constant: Constant): boolean {
  for (const chunk of chunks(constant)) for (const x of chunk) if (!(Math.abs(Number(x)) <= LARGEST_HALF)) return false
  return true
}
