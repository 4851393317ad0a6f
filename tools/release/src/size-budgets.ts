/**
 * What a tarball may weigh, in kB as it is downloaded. About a third above what it weighs, so that a test folder, a fixture or a
 * bundled dependency that gets into a package is seen before its users download it.
 */
const budgets: Readonly<Record<string, number>> = {
  '@silane/checkpoint': 100,
  '@silane/core': 220,
  '@silane/coreml': 80,
  '@silane/documents': 25,
  '@silane/images': 35,
  '@silane/onnx': 45,
  '@silane/onnxruntime-wasm': 5000,
  '@silane/runtime': 30,
  '@silane/testkit': 40,
  'create-silane-plugin': 80,
  silane: 380,
}

/** One for all plugins: they hold an architecture and no weights. */
const plugin = 30

/** The budget of a package by its name; none for one that has none yet. */
export const sizeBudget = (name: string): number | undefined => budgets[name] ?? (name.startsWith('@silane/plugin-') ? plugin : undefined)
