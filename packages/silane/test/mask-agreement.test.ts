import { denseConstant } from '@silane/core'
import { expect, test } from 'vitest'
import { maskAgreement } from '../src/validate/mask-agreement.ts'

const logits = (...values: readonly number[]) => denseConstant('fp32', [1, values.length / 4, 2, 2], Float32Array.from(values))

test('masks agree as far as their pixels are on the same side of 0', () => {
  const reference = logits(1, -1, 2, -2, -1, -1, -1, -1)
  expect(maskAgreement([{ reference, actual: logits(0.5, -3, 0.1, -0.1, -1, -2, -3, -4) }])).toEqual({ pixels: 8, changed: 0, iou: 1 })
  // One of two pixels is lost in the first plane, one is won in the second, which was empty.
  expect(maskAgreement([{ reference, actual: logits(1, -1, 0, -2, 1, -1, -1, -1) }])).toEqual({ pixels: 8, changed: 2, iou: 0.25 })
})
