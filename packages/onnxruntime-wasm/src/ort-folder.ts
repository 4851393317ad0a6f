import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What of onnxruntime-web runs in Node: its entry, the loader of the module and the module. The rest is builds for browsers. */
export const ortFiles = ['ort.node.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'] as const

/** Where those files stand: beside this one as published, in the package they were taken from while this one is developed. */
export function ortFolder(): string {
  const taken = fileURLToPath(new URL('./ort', import.meta.url))
  return existsSync(taken) ? taken : dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
}
