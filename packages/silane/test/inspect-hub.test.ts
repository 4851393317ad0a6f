import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fakeHub } from '../../checkpoint/test/fake-hub.ts'
import { main } from '../src/cli.ts'
import { convert, matrix } from '../src/index.ts'
import { inspect } from '../src/inspect/inspect.ts'
import { fixture, temporary, write } from './workspace.ts'

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))

/** The files of a folder, by name. */
const filesOf = (folder: string): Record<string, Uint8Array> =>
  Object.fromEntries(
    globSync('{*,*/*}', { cwd: folder, withFileTypes: true })
      .filter(entry => entry.isFile() && !/golden|case\.json/.test(entry.name))
      .map(entry => [join(entry.parentPath, entry.name).slice(folder.length + 1), readFileSync(join(entry.parentPath, entry.name))]),
  )

/** Fixtures with safetensors, one of each family and all of those that look at elements. */
const fixtures = globSync('*/fixtures/*/{,0_Transformer/}model.safetensors', { cwd: plugins })
  .map(file => /^[^/]+\/fixtures\/[^/]+/.exec(file.replaceAll('\\', '/'))?.[0] ?? '')
  .sort()
const chosen = fixtures.filter((folder, i) => folder.startsWith('t5/') || folder.split('/')[0] !== fixtures[i - 1]?.split('/')[0])

describe('a model on the hub is shown without its weights as with them', () => {
  test.each(chosen)('%s', async folder => {
    const files = filesOf(join(plugins, folder))
    const hub = await fakeHub('org/name', { main: files }, temporary())
    const shown = await inspect({ model: 'org/name' })
    const weights = Object.keys(files).filter(file => file.endsWith('.safetensors'))
    const sent = weights.reduce((sum, file) => sum + (hub.sent.get(file) ?? 0), 0)
    expect(shown).toMatchObject({ kind: 'checkpoint', claimed: true })
    expect(shown).not.toHaveProperty('problem')
    expect(hub.requests.filter(line => line.endsWith('.safetensors'))).toEqual([])
    // Of a fixture the first part is half of the file, as a rule; of a model it is its header.
    expect(sent).toBeLessThan(weights.length * 66_000 + 100_000)
    expect(await inspect({ model: 'org/name', download: true })).toEqual(shown)
    expect(hub.requests.some(line => line.endsWith('.safetensors'))).toBe(true)
  })

  test('and as the folder on disk', async () => {
    await fakeHub('org/base', { main: filesOf(fixture('base')) }, temporary())
    const { location: _, files: __, ...shown } = Object(await inspect({ model: 'org/base' }))
    expect(await inspect({ model: fixture('base') })).toMatchObject(shown)
  })
})

test('a matrix asks for no weights, and the report leads to where they are', async () => {
  const inner = Object.fromEntries(Object.entries(filesOf(fixture('base'))).map(([file, bytes]) => [`text/${file}`, bytes]))
  const hub = await fakeHub('org/nested', { main: inner }, temporary())
  const models = [{ model: 'hf://org/nested/text', targets: ['onnx'], options: [{ seq: 24 }] }]
  const cwd = write(temporary(), { 'silane.ci.json': JSON.stringify({ models }) })
  expect((await matrix({ cwd })).include).toMatchObject([{ task: 'feature-extraction', target: 'onnx' }])
  // Whole files are asked for without a range.
  expect(hub.requests.filter(line => line.endsWith('.safetensors'))).toEqual([])
  const out = join(temporary(), 'out')
  await convert({ model: 'org/nested', subfolder: 'text', seq: [24], validate: false, out })
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toMatch(
    /<a href="https:\/\/huggingface\.co\/org\/nested\/tree\/a{40}\/text">org\/nested\/text<\/a>/,
  )
})

describe('the command line', () => {
  let [out, err] = ['', '']
  beforeEach(() => {
    ;[out, err] = ['', '']
    vi.spyOn(process.stdout, 'write').mockImplementation(text => {
      out += text
      return true
    })
    vi.spyOn(process.stderr, 'write').mockImplementation(text => {
      err += text
      return true
    })
  })
  afterEach(() => void vi.restoreAllMocks())

  test('shows a pass of a model on the hub, elements that it asks for included', async () => {
    const folder = join(plugins, chosen.find(name => name.startsWith('t5/')) ?? '')
    await fakeHub(`org/${basename(folder)}`, { main: filesOf(folder) }, temporary())
    expect(await main(['inspect', `org/${basename(folder)}`, '--print', 'load'])).toBe(0)
    const shown = out
    out = ''
    expect(await main(['inspect', folder, '--print', 'load'])).toBe(0)
    expect(out).toBe(shown)
  })

  test('exits with 2 where no plugin reads the model, and shows it all the same', async () => {
    const config = JSON.stringify({ model_type: 'wavenet' })
    const { 'model.safetensors': weights = new Uint8Array() } = filesOf(fixture('base'))
    await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': weights } }, temporary())
    expect(await main(['inspect', 'org/name'])).toBe(2)
    expect(out).toMatch(/org\/name@main\n\d+ tensors(?:.*\n)+E_MODEL_TYPE No plugin claims the model type "wavenet"/)
    out = ''
    expect(await main(['inspect', 'org/name', '--json'])).toBe(2)
    expect(JSON.parse(out)).toMatchObject({ claimed: false, problem: { code: 'E_MODEL_TYPE' } })
    const local = write(temporary(), { 'config.json': { model_type: 'wavenet' } })
    expect(await main(['inspect', local])).toBe(2)
  })

  test('a large PyTorch file asks for --download', async () => {
    const files = { 'config.json': readFileSync(join(fixture('base'), 'config.json')), 'pytorch_model.bin': new Uint8Array(70_000_000) }
    const hub = await fakeHub('org/name', { main: files }, temporary())
    expect(await main(['inspect', 'org/name'])).toBe(2)
    expect(err).toContain('E_WEIGHTS_WHOLE The weights are pytorch_model.bin, 70.0 MB')
    expect(hub.sent.has('pytorch_model.bin')).toBe(false)
    expect(await main(['inspect', 'org/name', '--download'])).toBe(2)
    expect(err).toContain('E_TORCH_FORMAT')
  })
})
