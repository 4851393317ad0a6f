import { readFileSync } from 'node:fs'
import type { Engine } from './engine.ts'
import { FileBytes } from './file-bytes.ts'

/** Memory is 4 GB at most, and holds what a model computes beside its weights. */
const CAPACITY = 2 ** 31

/** onnxruntime as WebAssembly. Its sessions share one memory. */
export async function loadWasmEngine(threads: number): Promise<Engine> {
  const { loadOnnxRuntimeWasm } = await import('@silane/onnxruntime-wasm')
  const { ort, version } = await loadOnnxRuntimeWasm({ threads })
  // Files that are mounted for one session are seen by all that are made at the same time, and taken away with the first.
  let last: Promise<unknown> = Promise.resolve()
  return {
    name: 'onnxruntime-wasm',
    version,
    ort,
    inPlace: false,
    capacity: CAPACITY,
    create: ({ path, data }, options) => {
      const session = last.then(async () => {
        const files = [...data].map(([name, file]) => ({ path: name, data: new FileBytes(file) }))
        try {
          // A copy, as it is written to. Debris of the options of one session would reach the next.
          return await ort.InferenceSession.create(readFileSync(path), {
            ...structuredClone(options),
            executionProviders: ['wasm'],
            externalData: files,
          })
        } finally {
          for (const file of files) file.data.close()
        }
      })
      last = session.catch(() => {})
      return session
    },
  }
}
