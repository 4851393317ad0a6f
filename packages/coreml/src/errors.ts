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

  // Reading
  E_PACKAGE: (f: { path: string; problem: string }) => ({
    what: `${f.path} ${f.problem}.`,
    next: 'An .mlpackage is a folder with a Manifest.json.',
  }),
  E_PACKAGE_MANIFEST: (f: { where: string; problem: string }) => ({ what: `The manifest is not valid: ${f.problem}.`, where: f.where }),
  E_MANIFEST_PATH: (f: { where: string; path: string; problem: string }) => ({
    what: `The manifest lists ${JSON.stringify(f.path)}, which ${f.problem}.`,
    where: f.where,
  }),
  E_PROTO: (f: { where: string; problem: string }) => ({ what: `The model file is damaged: ${f.problem}.`, where: f.where }),
  E_NESTING: (f: { where: string; limit: number }) => ({
    what: `The model file nests messages more than ${f.limit} deep.`,
    where: f.where,
  }),
  E_FINDINGS: (f: { limit: number }) => ({ what: `There are ${f.limit} findings or more; the rest was not checked.` }),
  E_MESSAGES: (f: { where: string; of: string; limit: number }) => ({ what: `${f.of} has more than ${f.limit} messages.`, where: f.where }),
  E_UNKNOWN_FIELD: (f: { where: string; message: string; number: number }) => ({
    what: `${f.message} has a field ${f.number} that this version does not know.`,
    where: f.where,
    next: 'A newer silane may read it.',
  }),
  E_MODEL_KIND: (f: { where: string; problem: string }) => ({
    what: `The model cannot be read: ${f.problem}.`,
    where: f.where,
    next: 'Only ML Programs are supported, not neural networks, pipelines or updatable models.',
  }),
  E_SPEC_VERSION: (f: { where: string; version: number; min: number; max: number }) => ({
    what: `Specification version ${f.version} cannot be read; known are ${f.min} to ${f.max}.`,
    where: f.where,
    next: 'A newer silane may read it.',
  }),
  E_OPSET_MISMATCH: (f: { where: string; opset: string; specVersion: number; expected: string }) => ({
    what: `The opset ${JSON.stringify(f.opset)} does not belong to specification version ${f.specVersion}, whose opset is ${f.expected}.`,
    where: f.where,
  }),
  E_PROGRAM: (f: { where: string; problem: string }) => ({ what: `The program is not valid: ${f.problem}.`, where: f.where }),
  E_IDENTIFIER: (f: { where: string; name: string; problem: string }) => ({
    what: `The name ${JSON.stringify(f.name)}: ${f.problem}.`,
    where: f.where,
  }),
  E_DUPLICATE: (f: { where: string; what: string }) => ({ what: `There is more than one ${f.what}.`, where: f.where }),
  E_VALUE_TYPE: (f: { where: string; problem: string }) => ({ what: `A type cannot be used: ${f.problem}.`, where: f.where }),
  E_FLEXIBLE: (f: { where: string }) => ({
    what: 'A dimension is not fixed; flexible shapes are not supported.',
    where: f.where,
    next: 'Convert the model with fixed shapes, one function per length.',
  }),
  E_VALUE: (f: { where: string; problem: string }) => ({ what: `A value is not valid: ${f.problem}.`, where: f.where }),
  E_WEIGHT_FILE: (f: { where: string; problem: string }) => ({ what: `The weight file cannot be used: ${f.problem}.`, where: f.where }),
  E_WEIGHT_REFERENCE: (f: { where: string; offset: number; problem: string }) => ({
    what: `The weight at offset ${f.offset} cannot be used: ${f.problem}.`,
    where: f.where,
  }),
  E_UNDEFINED: (f: { where: string; name: string }) => ({ what: `"${f.name}" is used before it is defined.`, where: f.where }),
  E_OP_UNKNOWN: (f: { where: string; kind: string }) => ({ what: `The op ${JSON.stringify(f.kind)} is not supported.`, where: f.where }),
  E_PACKAGE_UNSUPPORTED: (f: { where: string; what: string }) => ({
    what: `Not supported: ${f.what}.`,
    where: f.where,
    next: 'The package may be right all the same: Core ML takes more than what is read here.',
  }),
  E_COMPRESSED: (f: { where: string; kind: string }) => ({
    what: `Compressed weights (${f.kind}) are not supported.`,
    where: f.where,
    next: 'Use the package from before the compression.',
  }),
  E_PARAMETER: (f: { where: string; name: string; problem: string }) => ({
    what: `Parameter ${JSON.stringify(f.name)}: ${f.problem}.`,
    where: f.where,
  }),
  E_OP: (f: { where: string; problem: string }) => ({ what: `The op is not legal: ${f.problem}.`, where: f.where }),
  E_STATE: (f: { where: string; problem: string }) => ({ what: `A state is used wrongly: ${f.problem}.`, where: f.where }),
  E_TYPES: (f: { where: string; declared: string; computed: string }) => ({
    what: `The result is declared as ${f.declared} and is ${f.computed}.`,
    where: f.where,
  }),
  E_INTERFACE: (f: { where: string; name: string; problem: string }) => ({
    what: `"${f.name}" in the description of the model: ${f.problem}.`,
    where: f.where,
  }),

  // Warnings
  E_ALIAS: (f: { where: string; name: string }) => ({
    what: `The output "${f.name}" is an input as it is.`,
    where: f.where,
    next: 'Core ML is safe with an identity between them.',
  }),
  E_OP_NAME: (f: { where: string; name: string }) => ({ what: `Two ops are called "${f.name}".`, where: f.where }),
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
