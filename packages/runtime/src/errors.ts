import { defineErrors } from '@silane/core'

/** Errors of running graphs. */
export const errors = defineErrors({
  E_RUNTIME_MISSING: (f: { problem: string }) => ({
    what: `onnxruntime-node cannot be loaded: ${f.problem}.`,
    next: 'Install it for this platform (npm install onnxruntime-node), or convert with --no-validate.',
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
