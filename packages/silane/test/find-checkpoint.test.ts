import { appendFileSync, cpSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { type Manifest, readManifest } from '../src/manifest.ts'
import { findCheckpoint } from '../src/validate/find-checkpoint.ts'
import { validate } from '../src/validate/validate.ts'
import { fixture, temporary, write } from './workspace.ts'

let converted = ''
beforeAll(async () => {
  const { mkdtempSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const work = mkdtempSync(join(tmpdir(), 'silane-find-'))
  converted = join(work, 'out')
  await convert({ model: fixture('base'), seq: [24], targets: ['onnx'], out: converted, validate: false })
  return () => rmSync(work, { recursive: true, force: true })
})

/** A project with the converted folder in `results`, where no checkpoint is yet. */
function project(): { readonly cwd: string; readonly folder: string; readonly manifest: Manifest } {
  const cwd = temporary()
  const folder = join(cwd, 'results/out')
  cpSync(converted, folder, { recursive: true })
  mkdirSync(join(cwd, 'work'))
  return { cwd, folder, manifest: readManifest(folder) }
}

const put = (place: string): string => {
  cpSync(fixture('base'), place, { recursive: true })
  return place
}

test.each([
  ['in the working directory', '.', 'base'],
  ['in the working directory, under another name', '.', 'renamed'],
  ['beside the converted folder', 'work', 'results/base'],
  ['beside the converted folder, under another name', 'work', 'results/other'],
  ['as the working directory', 'work/model', 'work/model'],
])('a folder %s', async (_, from, place) => {
  const { cwd, folder, manifest } = project()
  const model = put(join(cwd, place))
  expect(await findCheckpoint(folder, manifest, { cwd: join(cwd, from) })).toBe(model)
})

test('the files decide, not the name', async () => {
  const { cwd, folder, manifest } = project()
  const changed = put(join(cwd, 'base'))
  appendFileSync(join(changed, 'config.json'), ' ')
  const same = put(join(cwd, 'zzz'))
  expect(await findCheckpoint(folder, manifest, { cwd })).toBe(same)
  // Of the same size, and not the same.
  const weights = join(same, 'model.safetensors')
  const { readFileSync } = await import('node:fs')
  const bytes = readFileSync(weights)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  writeFileSync(weights, bytes)
  expect(await findCheckpoint(folder, manifest, { cwd })).toBeUndefined()
})

test('links that lead out, names that lead out, and a record of nothing', async () => {
  const { cwd, folder, manifest } = project()
  const model = put(join(cwd, 'base'))
  const secret = join(cwd, 'secret.safetensors')
  renameSync(join(model, 'model.safetensors'), secret)
  symlinkSync(secret, join(model, 'model.safetensors'))
  expect(await findCheckpoint(folder, manifest, { cwd })).toBeUndefined()
  const files = manifest.model.files.map(file => ({
    ...file,
    path: file.path === 'model.safetensors' ? '../secret.safetensors' : file.path,
  }))
  expect(await findCheckpoint(folder, { ...manifest, model: { ...manifest.model, files } }, { cwd })).toBeUndefined()
  expect(await findCheckpoint(folder, { ...manifest, model: { ...manifest.model, files: [] } }, { cwd })).toBeUndefined()
})

test('validate takes it and says so, and writes nothing', { timeout: 60_000 }, async () => {
  const { cwd, folder } = project()
  const model = put(join(cwd, 'a-model'))
  const before = readdirSync(cwd, { recursive: true })
  const report = await validate({ folder, cwd })
  expect(report.ok).toBe(true)
  expect(report.notes[0]).toBe(`compared with ${model}, whose files have the sha256 that silane.json records`)
  expect(readdirSync(cwd, { recursive: true })).toEqual(before)
})

test('without one it says what to do', async () => {
  const { cwd, folder } = project()
  write(cwd, { 'other/config.json': {} })
  await expect(validate({ folder, cwd })).rejects.toMatchObject({
    code: 'E_USAGE',
    what: expect.stringContaining('was converted from the local folder "base"'),
    next: expect.stringContaining('--model'),
  })
})
