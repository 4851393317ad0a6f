import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isSilaneError } from '@silane/core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ENGINE_VARIABLE, type EngineLoaders, findEngine } from '../src/choose-engine.ts'
import { type Engine, type EngineName, engineNames } from '../src/engine.ts'
import { describeRuntime, runtimeAdvice } from '../src/index.ts'
import { loadNativeEngine } from '../src/native-engine.ts'

const { ort } = await loadNativeEngine()
const engine = (name: EngineName): Engine => ({
  name,
  version: '1.2.3',
  ort,
  inPlace: true,
  capacity: 0,
  create: () => Promise.reject(new TypeError('nothing is opened here')),
})
const gives = (name: EngineName) => vi.fn(() => Promise.resolve(engine(name)))
const fails = () => vi.fn((): Promise<Engine> => Promise.reject(new TypeError('no binary\nfor this platform')))

/** Both are there, unless other loaders are given. */
const loaders = (given: Partial<EngineLoaders> = {}): EngineLoaders => ({
  installed: () => true,
  native: gives('onnxruntime-node'),
  wasm: gives('onnxruntime-wasm'),
  ...given,
})

const nameAndNote = async (given: EngineLoaders) => {
  const { engine: found, note } = await findEngine(undefined, given)
  return [found.name, note]
}

const codeOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
  } catch (error) {
    if (isSilaneError(error)) return `${error.code}: ${error.what} ${error.next}`
    throw error
  }
  return ''
}

test('the native build is taken where it is installed, and nothing else is loaded', async () => {
  const given = loaders()
  expect(await nameAndNote(given)).toEqual(['onnxruntime-node', undefined])
  expect(given.wasm).not.toHaveBeenCalled()
})

test('the WebAssembly build is taken where the native one is not installed, without a word', async () => {
  const given = loaders({ installed: () => false })
  expect(await nameAndNote(given)).toEqual(['onnxruntime-wasm', undefined])
  expect(given.native).not.toHaveBeenCalled()
})

test('and where that one is broken, with the reason', async () => {
  const { engine: found, note } = await findEngine(undefined, loaders({ native: fails() }))
  expect(found.name).toBe('onnxruntime-wasm')
  expect(note).toBe('onnxruntime-node is installed and cannot be loaded, so that its WebAssembly build ran: no binary')
})

test.each([
  ['onnxruntime-node', { native: fails() }],
  ['onnxruntime-wasm', { wasm: fails() }],
] as const)('%s that is asked for is all that is tried', async (name, broken) => {
  expect((await findEngine(name, loaders({ installed: () => false }))).engine.name).toBe(name)
  expect(await codeOf(() => findEngine(name, loaders(broken)))).toMatch(/^E_RUNTIME_MISSING: .*no binary.*npm install/s)
})

test('nothing is left where neither loads', async () => {
  expect(await codeOf(() => findEngine(undefined, loaders({ native: fails(), wasm: fails() })))).toContain('@silane/onnxruntime-wasm')
})

test.each(engineNames)(`${ENGINE_VARIABLE}=%s decides, and the version is told`, async name => {
  vi.stubEnv(ENGINE_VARIABLE, name)
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await describeRuntime()).toEqual({ name, version: ort.env.versions.common })
  const advice = await runtimeAdvice()
  if (name === 'onnxruntime-node') expect(advice).toBeUndefined()
  else expect(advice).toMatch(/WebAssembly.*npm install onnxruntime-node$/)
})

test(`another ${ENGINE_VARIABLE} is refused`, async () => {
  vi.stubEnv(ENGINE_VARIABLE, 'cuda')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await codeOf(() => describeRuntime())).toMatch(/^E_RUNTIME_NAME: .*"cuda".*onnxruntime-node or onnxruntime-wasm/)
})

test('an onnxruntime-node whose binary is missing is such a broken one', () => {
  const place = mkdtempSync(join(tmpdir(), 'silane-broken-'))
  onTestFinished(() => rmSync(place, { recursive: true, force: true }))
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  const copy = join(place, 'node_modules/onnxruntime-node')
  mkdirSync(copy, { recursive: true })
  const installed = dirname(dirname(entry))
  for (const part of ['dist', 'package.json']) cpSync(join(installed, part), join(copy, part), { recursive: true })
  symlinkSync(dirname(installed).concat('/onnxruntime-common'), join(place, 'node_modules/onnxruntime-common'))
  const script = `
    import { registerHooks } from 'node:module'
    const parentURL = ${JSON.stringify(`file://${place}/any.js`)}
    registerHooks({ resolve: (name, context, next) => next(name, name === 'onnxruntime-node' ? { ...context, parentURL } : context) })
    const { describeRuntime } = await import('@silane/runtime')
    process.stdout.write(JSON.stringify(await describeRuntime()))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(import.meta.dirname, '../../silane'),
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toMatchObject({
    name: 'onnxruntime-wasm',
    note: expect.stringMatching(/^onnxruntime-node is installed and cannot be loaded.*onnxruntime_binding\.node/),
  })
})
