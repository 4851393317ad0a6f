import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { installed, link } from './installed.ts'
import { write } from './workspace.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const workspace = here('../../..')
const plugin = join(workspace, 'plugins/perceiver')
const picture = join(plugin, 'test/pictures/picture.png')

/** Without NODE_PATH, in which a package manager may have put the workspace's own packages. */
const classify = (silane: string, cwd: string, folder: string) =>
  spawnSync(process.execPath, [join(silane, 'bin/silane.js'), 'classify', folder, picture], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: '' },
  })

test('a picture needs @silane/images, which the plugin brings; what lies in the converted folder is not run', async () => {
  const { app, silane } = installed('@silane/images', { '@silane/plugin-perceiver': '*' })
  const own = join(app, 'node_modules/@silane/plugin-perceiver')
  mkdirSync(own, { recursive: true })
  cpSync(join(plugin, 'package.json'), join(own, 'package.json'))
  const folder = join(app, 'out')
  const model = join(plugin, 'fixtures/image-classification-conv')
  await convert({ model, targets: ['onnx'], out: folder, validate: false })

  // A stranger's package beside the programs, and the folder is where the command runs.
  write(folder, {
    'package.json': { name: 'stranger' },
    'node_modules/@silane/images/package.json': { name: '@silane/images', version: '1.0.0', type: 'module', exports: './index.js' },
    'node_modules/@silane/images/index.js': "console.log('run'); export const readPicture = () => { throw new Error('run') }",
  })
  for (const [cwd, at] of [
    [app, 'out'],
    [folder, '.'],
  ] as const) {
    const { status, stdout, stderr } = classify(silane, cwd, at)
    expect(stdout).toBe('')
    expect(stderr).toContain('E_PACKAGE_MISSING Reading a picture needs the package @silane/images, which is not installed.')
    expect(stderr).toContain('npm install @silane/images')
    expect(status).toBe(2)
  }

  link(here('../node_modules/@silane/images'), join(own, 'node_modules/@silane/images'))
  const { status, stdout } = classify(silane, app, 'out')
  expect(stdout).toContain('LABEL_')
  expect(status).toBe(0)
})
