import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Constant, computedConstant, isSilaneError, type SilaneError } from '@silane/core'
import { writeOnnx } from '@silane/onnx'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createRuntime } from '../src/index.ts'
import { elements, graphOf } from './run.ts'

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'silane-size-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function errorOf(work: Promise<unknown>): Promise<SilaneError> {
  try {
    await work
  } catch (error) {
    if (isSilaneError(error)) return error
    throw error
  }
  throw new TypeError('no error')
}

/** 2.4 GB of weights, none of which may be read. */
const rows = 300_000
const width = 2000
const read = vi.fn(() => {
  throw new TypeError('a weight was read')
})
const weight: Constant = { ...computedConstant('fp32', [rows, width], 'big', () => 0), read }
const graph = graphOf(b => ({ y: b.linear({ x: b.input('x', 'fp32', [1, width]), weight: b.constant(weight) }) }), 'large')

const refusal = {
  code: 'E_RUNTIME_SIZE',
  what: expect.stringMatching(/^The weights of "large(\.onnx)?" take 2\.4 GB, and onnxruntime-wasm holds 2\.1 GB/),
  next: expect.stringContaining('npm install onnxruntime-node'),
}

test('a graph of more than 2 GB is refused under WebAssembly before anything is read or written', async () => {
  const path = folder()
  const before = process.memoryUsage().rss
  expect(await errorOf(createRuntime({ folder: path, engine: 'onnxruntime-wasm' }).open(graph))).toMatchObject(refusal)
  expect(process.memoryUsage().rss - before).toBeLessThan(1e9)
  expect(readdirSync(path)).toEqual([])
  expect(read).not.toHaveBeenCalled()
})

test('so is a file, by what it says of its weights', async () => {
  const path = folder()
  // Sparse: it takes no room on the disk.
  const descriptor = openSync(join(path, 'weights'), 'w')
  ftruncateSync(descriptor, rows * width * 4)
  closeSync(descriptor)
  await writeOnnx([{ graph, file: 'large.onnx' }], {
    folder: path,
    dataFile: 'd',
    external: true,
    standing: () => ({ file: 'weights', offset: 0 }),
  })
  const file = join(path, 'large.onnx')
  expect(await errorOf(createRuntime({ engine: 'onnxruntime-wasm' }).openFile(file))).toMatchObject(refusal)
  expect(read).not.toHaveBeenCalled()
})

test('what does not fit beside the weights is told as that, and the next session runs', async () => {
  const runtime = createRuntime({ engine: 'onnxruntime-wasm' })
  // All but 4 kB of 4 GB: one allocation, which fails before anything is written to it.
  const repeat = (times: number) =>
    graphOf(b => ({ y: b.reduce_sum({ x: b.tile({ x: b.input('x', 'fp32', [1, 1024]), reps: [times, 1] }), axes: [0] }) }), 'wide')
  const x = computedConstant('fp32', [1, 1024], 'x', () => 1)
  const run = async (times: number) => {
    const session = await runtime.open(repeat(times))
    onTestFinished(() => session.close())
    return elements((await session.run({ x })).y)[0]
  }
  expect(await errorOf(run(1_048_575))).toMatchObject({ code: 'E_RUNTIME_MEMORY', what: expect.stringContaining('"wide"') })
  expect(await run(3)).toBe(3)
})

test("what stands outside of a file's folder is not read", async () => {
  const path = folder()
  const small = graphOf(b => ({
    y: b.linear({ x: b.input('x', 'fp32', [1, 40]), weight: b.constant(computedConstant('fp32', [40, 40], 'w', i => i)) }),
  }))
  await writeOnnx([{ graph: small, file: 'm.onnx' }], {
    folder: path,
    dataFile: 'd',
    external: true,
    standing: () => ({ file: '../../../../../../etc/hostname', offset: 0 }),
  })
  const error = await errorOf(createRuntime({ engine: 'onnxruntime-wasm', foreign: true }).openFile(join(path, 'm.onnx')))
  expect([error.code, error.what]).toEqual(['E_SESSION_FILE', expect.stringContaining('stands outside of its folder')])
})

test.skipIf(process.platform === 'win32')('a pipe in place of a file or of its data is refused, not waited for', async () => {
  const path = folder()
  const small = graphOf(b => ({
    y: b.linear({ x: b.input('x', 'fp32', [1, 40]), weight: b.constant(computedConstant('fp32', [40, 40], 'w', i => i)) }),
  }))
  const file = join(path, 'm.onnx')
  await writeOnnx([{ graph: small, file: 'm.onnx' }], { folder: path, dataFile: 'd', external: true })
  renameSync(join(path, 'd'), join(path, 'data'))
  for (const name of ['d', 'pipe.onnx']) spawnSync('mkfifo', [join(path, name)])
  // In a process of its own, which can be ended: this one would wait too.
  const script = `
    const { createRuntime } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
    for (const engine of ['onnxruntime-wasm', 'onnxruntime-node']) for (const file of process.argv.slice(1))
      await createRuntime({ engine, foreign: true }).openFile(file).catch(error => console.log(error.code, error.what))`
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script, join(path, 'pipe.onnx'), file], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  const code = expect.stringMatching(/^E_SESSION_FILE /)
  const graph = expect.stringMatching(/^E_SESSION_FILE .*it is not a regular file/)
  // What onnxruntime itself says of data that is none.
  expect([
    stdout
      .trim()
      .split('\n')
      .filter(line => line.startsWith('E_')),
    signal,
  ]).toEqual([[graph, expect.stringContaining('its data "d" is not a regular file'), graph, code], null])
})
