import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadOnnxRuntimeWasm } from '../src/index.ts'
import { ortFiles, ortFolder } from '../src/ort-folder.ts'

/** y = relu(x) over x [2], as protobuf by hand. */
function reluModel(): Uint8Array {
  const part = (field: number, body: readonly number[] | string): number[] => {
    const bytes = typeof body === 'string' ? [...new TextEncoder().encode(body)] : body
    return [field * 8 + 2, bytes.length, ...bytes]
  }
  const port = (field: number, name: string) => part(field, [...part(1, name), ...part(2, part(1, [8, 1, ...part(2, part(1, [8, 2]))]))])
  const node = part(1, [...part(1, 'x'), ...part(2, 'y'), ...part(4, 'Relu')])
  return Uint8Array.from([8, 8, ...part(7, [...node, ...part(2, 'g'), ...port(11, 'x'), ...port(12, 'y')]), ...part(8, [16, 17])])
}

test('runs a model, with the threads that were asked for', async () => {
  const { ort, version } = await loadOnnxRuntimeWasm({ threads: 2 })
  expect(version).toBe(ort.env.versions.common)
  expect(ort.env.wasm.numThreads).toBe(2)
  const session = await ort.InferenceSession.create(reluModel(), { executionProviders: ['wasm'] })
  const { y } = await session.run({ x: new ort.Tensor('float32', [-1, 2], [2]) })
  expect(y?.data).toEqual(Float32Array.of(0, 2))
  await session.release()
})

test('loading it again gives the same one', async () => {
  const [one, other] = [await loadOnnxRuntimeWasm({ threads: 2 }), await loadOnnxRuntimeWasm({ threads: 1 })]
  expect(other.ort).toBe(one.ort)
  expect(other.ort.env.wasm.numThreads).toBe(2)
})

test('its files are those that it takes, 14 MB of the 148', () => {
  const sizes = ortFiles.map(file => statSync(join(ortFolder(), file)).size)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(15e6)
})

test('what it depends on at run time is of the same release, and is all that the entry imports', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))
  expect(dependencies).toEqual({ 'onnxruntime-common': devDependencies['onnxruntime-web'] })
  const entry = readFileSync(join(ortFolder(), ortFiles[0]), 'utf8')
  expect(new Set([...entry.matchAll(/\bfrom ?"([^"]+)"/g)].map(([, name]) => name))).toEqual(new Set(['module', 'onnxruntime-common']))
})
