import { defineErrors } from '@silane/core'

/** Errors of the ONNX writer and reader. */
export const errors = defineErrors({
  E_ONNX_SPELLING: (f: { op: string; problem: string }) => ({
    what: `${f.op} cannot be written as ONNX: ${f.problem}.`,
    next: 'Convert with --target coreml alone, or lower the op in a plugin rule.',
  }),
  E_ONNX_DISK: (f: { file: string; problem: string }) => ({
    what: `The file could not be written: ${f.problem}.`,
    where: f.file,
    next: 'Make room on the disk, or choose another --out.',
  }),
  E_ONNX_FILE: (f: { file: string; problem: string }) => ({
    what: `This is not an ONNX model that can be read: ${f.problem}.`,
    where: f.file,
    next: 'Check that the file is complete.',
  }),
})
