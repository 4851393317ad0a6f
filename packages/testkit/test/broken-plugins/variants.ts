/** A copy of the tiny plugin with one fault, and the tests that must see it: no more and no fewer. */
export interface Variant {
  readonly fails: readonly string[]
  /** In the package's files; a file that is null is left out. */
  readonly files?: Readonly<Record<string, string | null>>
  /** In package.json, the `silane` block of it. */
  readonly manifest?: object
  readonly silane?: object
  /** Fixtures of BERT beside `base`. */
  readonly fixtures?: readonly string[]
}

const numbers = ['base converts within the gates', 'base converts exactly in fp32']
const complete = ['package.json is complete']
const truthful = ['package.json says what the code does']
const packed = ['the packed tarball loads as JavaScript']
const claim = { modelType: 'bert', architectures: ['BertModel'] }

/** By the fault, which is the code's own (`tiny.ts`) where nothing else is said. */
export const variants: Readonly<Record<string, Variant>> = {
  none: { fails: [] },

  // Another model than the original.
  transposed: { fails: numbers },
  unscaled: { fails: numbers },
  'no-activation': { fails: numbers },
  'another-epsilon': { fails: numbers },
  'no-segments': { fails: numbers },
  'reads-no-mask': { fails: numbers },
  'lacks-an-output': { fails: numbers },
  'ignores-activation': {
    fails: ['gelu-new converts within the gates', 'gelu-new converts exactly in fp32'],
    fixtures: ['gelu-new'],
  },

  // Another one each time.
  'names-the-run': { fails: ['base loads the same twice', 'equal conversions give equal bytes'] },

  // What is wrong with a checkpoint, passed over or badly said.
  'swallows-bias': { fails: ['errors a missing bias is E_TENSOR_MISSING'] },
  'swallows-tensors': { fails: ['errors a missing bias is E_TENSOR_MISSING', 'errors a missing weight is E_TENSOR_MISSING'] },
  'takes-any-shape': { fails: ['errors a tensor of another shape is E_TENSOR_SHAPE'] },
  'trusts-rare-setting': { fails: ['hostile configurations are refused, or load, at once'] },
  'trusts-config': { fails: ['hostile configurations are refused, or load, at once'] },

  // A package that says something else than its code, or that nobody can use.
  'no-keyword': { fails: complete, manifest: { keywords: [] } },
  'no-licence': { fails: complete, manifest: { license: undefined } },
  'core-of-its-own': { fails: complete, manifest: { dependencies: { '@silane/core': '^1.0.0', zod: '^4.6.7' } } },
  'one-core-only': { fails: complete, manifest: { peerDependencies: { '@silane/core': '1.0.0' } } },
  'claims-another-class': {
    fails: truthful,
    silane: { claims: [{ ...claim, architectures: ['BertModel', 'BertForMaskedLM'] }] },
  },
  'claims-nothing-of-its-own': { fails: ['its claims hold for fixtures'], silane: { claims: [{ ...claim, modelType: 'tiny' }] } },
  'a-task-without-a-fixture': {
    fails: ['there are fixtures, of every task'],
    silane: { claims: [{ ...claim, architectures: ['BertModel', 'BertForMaskedLM'] }], tasks: ['feature-extraction', 'fill-mask'] },
  },
  'names-no-task': { fails: truthful, silane: { tasks: [] } },
  'names-another-task': { fails: truthful, silane: { tasks: ['feature-extraction', 'fill-mask'] } },
  'option-of-nobody': { fails: truthful, silane: { claims: [claim, { ...claim, when: { options: { mode: 'fast' } } }] } },
  'no-licence-file': { fails: packed, files: { LICENSE: null } },
  'exports-typescript': {
    fails: packed,
    manifest: { exports: './index.ts' },
    files: { 'index.ts': "export { default } from './index.js'\n" },
  },
  'leaves-its-code-at-home': { fails: packed, manifest: { files: ['README.md'] } },
  'imports-what-it-does-not-ask-for': { fails: packed, manifest: { dependencies: {} } },
}
