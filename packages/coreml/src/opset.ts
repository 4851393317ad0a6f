import { type DType, traitsOf } from '@silane/core'

/** CoreML5 (iOS 15) brought ML Programs; CoreML9 (iOS 26) is the newest. */
export const MIN_OPSET = 5
export const MAX_OPSET = 9

/** The first opset with states and with several functions in a package. */
export const STATE_OPSET = 8

export const specVersionOf = (opset: number): number => opset + 1
export const opsetName = (opset: number): string => `CoreML${opset}`

/** Parameters that came later than their op. A block of an older opset that names one does not load. */
export const attributeSince: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  gather: { batch_dims: 6, validate_indices: 7 },
  gather_along_axis: { validate_indices: 7 },
  gather_nd: { batch_dims: 6, validate_indices: 7 },
}

interface Implied {
  readonly name: string
  readonly since: number
  /** What is written. */
  readonly value: boolean | string
  /** What else a reader may take for it: sorted results serve whoever asked for unsorted ones. */
  readonly accepts?: readonly (boolean | string)[]
}

/** Parameters that the core's ops do not have, because it only knows one value of them; Core ML wants them written. */
export const implied: Readonly<Record<string, readonly Implied[]>> = {
  topk: [
    { name: 'sort', since: 6, value: true, accepts: [true, false] },
    { name: 'return_indices', since: 6, value: true, accepts: [true, false] },
    { name: 'output_indices_dtype', since: 7, value: 'int32' },
  ],
  reduce_argmax: [{ name: 'output_dtype', since: 7, value: 'int32' }],
  reduce_argmin: [{ name: 'output_dtype', since: 7, value: 'int32' }],
}

const narrow: ReadonlySet<DType> = new Set(['int8', 'uint8', 'int16', 'uint16'])
const computed: ReadonlySet<DType> = new Set(['fp16', 'fp32', 'int32', 'bool'])

/** Whether an op may have a value of this type as its operand or, without a name, as its result. */
export function allowsType(opset: number, kind: string, dtype: DType, operand?: string): boolean {
  if (kind === 'const' || computed.has(dtype)) return true
  if (!narrow.has(dtype)) return false
  if (opset >= 7) return traitsOf(kind).narrow === true
  return opset === 6 && kind.startsWith('gather') && operand === 'indices' && dtype.endsWith('16')
}
