import { defineErrors } from '@silane/core'

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1)

/** Errors of running graphs. */
export const errors = defineErrors({
  E_RUNTIME_MISSING: (f: { package: string; problem: string }) => ({
    what: `${f.package} cannot be loaded: ${f.problem}.`,
    next: `Install it for this platform (npm install ${f.package}), or convert with --no-validate.`,
  }),
  E_RUNTIME_NAME: (f: { variable: string; given: string; names: readonly string[] }) => ({
    what: `${f.variable} is "${f.given}", and no build of onnxruntime has that name.`,
    next: `Set it to ${f.names.join(' or ')}, or leave it out.`,
  }),
  E_RUNTIME_SIZE: (f: { graph: string; engine: string; bytes: number; capacity: number }) => ({
    what: `The weights of "${f.graph}" take ${gigabytes(f.bytes)} GB, and ${f.engine} holds ${gigabytes(f.capacity)} GB: its memory is 32-bit.`,
    next: 'Install the native build, which silane then takes (npm install onnxruntime-node), or convert with --no-validate.',
  }),
  E_SESSION: (f: { graph: string; problem: string }) => ({
    what: `onnxruntime refused "${f.graph}": ${f.problem}.`,
    next: 'This is a fault of the converter; please report it with the model and the command.',
    exitCode: 1,
  }),
  E_SESSION_FILE: (f: { graph: string; problem: string }) => ({
    what: `onnxruntime refused "${f.graph}": ${f.problem}.`,
    next: 'The folder does not hold what its silane.json says: copy it again as a whole, or convert the model again.',
  }),
  E_SESSION_INPUT: (f: { graph: string; input: string; expected: string; actual: string }) => ({
    what: `Input "${f.input}" of "${f.graph}" is ${f.actual}; the program takes ${f.expected}.`,
    next: 'Give every input in the shape that silane.json states.',
  }),
})
