import { type Constant, readAll } from '@silane/core'

/** How far two runs say the same of a mask, whose logits are inside above 0. */
export interface MaskAgreement {
  readonly pixels: number
  /** Pixels that are inside in one and outside in the other. */
  readonly changed: number
  /** Mean over all masks of what both have inside to what either has; 1 for one that is empty in both. */
  readonly iou: number
}

/** Compares logits [..., H, W] of masks, plane by plane. */
export function maskAgreement(pairs: readonly { readonly reference: Constant; readonly actual: Constant }[]): MaskAgreement {
  let [pixels, changed] = [0, 0]
  const ious: number[] = []
  for (const { reference, actual } of pairs) {
    const [height = 1, width = 1] = reference.shape.slice(-2)
    const [expected, got] = [readAll(reference), readAll(actual)]
    for (let start = 0; start < expected.length; start += height * width) {
      let [both, either] = [0, 0]
      for (let at = start; at < start + height * width; at++) {
        const [a, b] = [Number(expected[at]) > 0, Number(got[at]) > 0]
        both += Number(a && b)
        either += Number(a || b)
      }
      pixels += height * width
      changed += either - both
      ious.push(either === 0 ? 1 : both / either)
    }
  }
  return { pixels, changed, iou: ious.reduce((sum, iou) => sum + iou, 0) / ious.length }
}
