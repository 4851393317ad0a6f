import { defineErrors, type SilaneError } from '@silane/core'

/** Errors of Core ML packages: what cannot be written, and what is wrong with a package that was read. */
export const errors = defineErrors({
  E_PATH: (f: { path: string; problem: string }) => ({
    what: `${f.path} ${f.problem}.`,
    next: 'Give the package a path such as model.mlpackage.',
  }),
  E_EXISTS: (f: { path: string }) => ({ what: `${f.path} exists already.`, next: 'Remove it, or write somewhere else.' }),
  E_DISK_FULL: (f: { path: string }) => ({
    what: `The disk is full: ${f.path} is not complete.`,
    next: 'Free some space and run the command again.',
  }),
  E_DISK: (f: { path: string; problem: string }) => ({
    what: `Cannot write ${f.path}: ${f.problem}.`,
    next: 'Check the path and its permissions.',
  }),
  E_OPSET_RANGE: (f: { opset: number }) => ({
    what: `There is no opset CoreML${f.opset} with ML Programs.`,
    next: 'Choose 5 (iOS 15) to 9 (iOS 26).',
  }),
  E_OPSET: (f: { what: string; name: string; since: number; opset: number }) => ({
    what: `"${f.name}": ${f.what} needs the opset CoreML${f.since} (iOS ${f.since === 9 ? 26 : f.since + 10}); the package is for CoreML${f.opset}.`,
    next: 'Raise --min-os.',
  }),
  E_NAME: (f: { name: string; problem: string; where: string }) => ({
    what: `The name "${f.name}" cannot be used: ${f.problem}.`,
    where: f.where,
    next: 'Names consist of letters, digits and underscores, do not start with a digit, and differ from each other.',
  }),
  E_INTERFACE_TYPE: (f: { name: string; type: string; problem: string }) => ({
    what: `"${f.name}" is ${f.type} at the border of the program: ${f.problem}.`,
  }),
  E_TYPE_UNSUPPORTED: (f: { op: string; name: string; type: string; opset: number }) => ({
    what: `${f.op} "${f.name}" has a value of type ${f.type}, which Core ML does not take there at opset CoreML${f.opset}.`,
    next: 'Programs compute in fp16, fp32, int32 and bool, up to rank 5; narrow integers can only be moved, from CoreML7 on.',
    exitCode: 1,
  }),
  E_NOT_WRITABLE: (f: { graph: string; problem: string }) => ({ what: `Graph "${f.graph}" cannot be written: ${f.problem}.`, exitCode: 1 }),
  E_MODEL_SIZE: (f: { where: string; bytes: number; limit: number }) => ({
    what: `The program takes ${f.bytes} bytes; the limit is ${f.limit}.`,
    where: f.where,
    next: 'Large constants belong into weight.bin.',
  }),
})

/** An error of the file system in the user's words. Anything else passes through. */
export function diskError(error: unknown, path: string): SilaneError | unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return errors.E_DISK_FULL({ path }, { cause: error })
  if (code === 'EEXIST') return errors.E_EXISTS({ path }, { cause: error })
  if (typeof code === 'string' && error instanceof Error && 'syscall' in error)
    return errors.E_DISK({ path, problem: error.message }, { cause: error })
  return error
}
