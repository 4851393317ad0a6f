import { join } from 'node:path'
import { expect, test } from 'vitest'
import { convert, inspect, listPlugins, readGoldens } from '../src/index.ts'
import { readManifest } from '../src/manifest.ts'
import { systemError } from '../src/system-error.ts'
import { fixture, temporary, write } from './workspace.ts'

test.each(['a\0b', './a\0b', 'org/a\ud800'])('a model cannot be called %j', async model => {
  await expect(convert({ model })).rejects.toMatchObject({ code: 'E_MODEL_NAME' })
  await expect(inspect({ model })).rejects.toMatchObject({ code: 'E_MODEL_NAME' })
})

test('nor a plugin in a package.json', async () => {
  const cwd = write(temporary(), { 'package.json': { name: 'app', silane: { plugins: ['a\0b'] } } })
  await expect(listPlugins({ cwd })).rejects.toMatchObject({
    code: 'E_USAGE',
    what: expect.stringContaining('not a list of names or paths'),
  })
})

test('nor a file of silane.json', async () => {
  const folder = join(temporary(), 'out')
  await convert({ model: fixture('base'), targets: ['onnx'], seq: [8], out: folder, validate: false })
  const manifest = readManifest(folder)
  for (const file of ['a\0b', 'a\ud800', '../a', '/a', 'a\\b', './a', '']) {
    write(folder, { 'silane.json': { ...manifest, files: [file] } })
    expect(() => readManifest(folder)).toThrow('files.0: is no path inside the folder')
  }
})

test('what is left to Node is coded as well', async () => {
  await expect(async () => readGoldens('a\0b', [])).rejects.toMatchObject({ code: 'E_SYSTEM' })
  expect(systemError(new URIError('URI malformed'))).toMatchObject({ code: 'E_SYSTEM' })
  expect(systemError(Object.assign(new TypeError('The argument "x" is odd'), { code: 'ERR_INVALID_ARG_VALUE' }))).toBeInstanceOf(TypeError)
})
