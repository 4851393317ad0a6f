import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const sourceOf = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)

test.skipIf(process.platform === 'win32')('a signal while a session is opened leaves no folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'silane-signal-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  // It comes when the folder is there, and a weight is about to be written into it.
  const script = `
    import { readdirSync } from 'node:fs'
    const { Builder, computedConstant } = await import(${sourceOf('../../core/src/index.ts')})
    const { createRuntime } = await import(${sourceOf('../src/index.ts')})
    const w = computedConstant('fp32', [40, 40], 'w', i => i)
    const read = (...range) => {
      console.log(readdirSync(process.argv[1]).length)
      process.kill(process.pid, 'SIGHUP')
      return w.read(...range)
    }
    const b = new Builder('main')
    const graph = b.finish({ y: b.linear({ x: b.input('x', 'fp32', [1, 40]), weight: b.constant({ ...w, read }) }) })
    await createRuntime({ folder: process.argv[1], engine: 'onnxruntime-wasm' }).open(graph)`
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, folder], { encoding: 'utf8' })
  expect([stdout.split('\n')[0], signal]).toEqual(['1', 'SIGHUP'])
  expect(readdirSync(folder)).toEqual([])
})
