import type { DType } from '@silane/core'

/** TensorProto.DataType, by element type. */
export const onnxTypes: Readonly<Record<DType, number>> = {
  fp32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  fp16: 10,
  fp64: 11,
  uint32: 12,
  bf16: 16,
}
