import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ManagerPlace, packageManager } from '../src/plugins/package-manager.ts'
import { temporary, write } from './workspace.ts'

const add = (place: ManagerPlace): string => packageManager({ env: {}, ...place }).add('x')
const json = { name: 'app', dependencies: { silane: '1' } }
/** A folder with these files, and silane where a project has it. */
const project = (files: Readonly<Record<string, unknown>> = {}) => write(temporary(), { 'package.json': json, ...files })
const inside = (folder: string) => ({ project: folder, host: join(folder, 'node_modules/silane') })

test('what wrote the lock file, of the project or of the workspace above it', () => {
  expect(add(inside(project({ 'package-lock.json': '{}' })))).toBe('npm install x')
  expect(add(inside(project({ 'npm-shrinkwrap.json': '{}' })))).toBe('npm install x')
  expect(add(inside(project({ 'pnpm-lock.yaml': '' })))).toBe('pnpm add x')
  expect(add(inside(project({ 'yarn.lock': '# yarn lockfile v1\n' })))).toBe('yarn add x')
  const root = project({ 'pnpm-lock.yaml': '', 'app/package.json': json })
  expect(add(inside(join(root, 'app')))).toBe('pnpm add x')
})

test('else what package.json names, else what started the process, else npm', () => {
  const env = { npm_config_user_agent: 'yarn/1.22.22 npm/? node/v24.0.0 linux x64' }
  expect(add({ ...inside(project({ 'package.json': { ...json, packageManager: 'pnpm@10.0.0' } })), env })).toBe('pnpm add x')
  expect(packageManager({ ...inside(project()), env }).name).toBe('yarn 1')
  expect(packageManager({ ...inside(project()), env: { npm_config_user_agent: 'yarn/4.0.0 npm/?' } }).name).toBe('yarn')
  expect(add({ ...inside(project()), env: { npm_config_user_agent: 'pnpm/10.0.0 npm/? node/v24' } })).toBe('pnpm add x')
  expect(add(inside(project()))).toBe('npm install x')
})

test('a command for the whole machine', () => {
  const prefix = write(temporary(), { 'lib/node_modules/silane/package.json': { name: 'silane' } })
  const host = join(prefix, 'lib/node_modules/silane')
  expect(add({ host })).toBe('npm install -g x')
  // In a project of something else it stays the machine's, in one of silane's it is the project's.
  expect(add({ host, project: write(temporary(), { 'package.json': { name: 'other' } }) })).toBe('npm install -g x')
  expect(add({ host, project: project({ 'pnpm-lock.yaml': '' }) })).toBe('pnpm add x')
  const yarn = write(join(temporary(), 'yarn/global'), { 'package.json': json, 'yarn.lock': '# yarn lockfile v1\n' })
  expect(add(inside(yarn))).toBe('yarn global add x')
  const pnpm = write(join(temporary(), 'share/pnpm/global/v11/1-0'), { 'package.json': json, 'pnpm-lock.yaml': '' })
  expect(add(inside(pnpm))).toBe('pnpm add -g x')
})

test('the other words of each', () => {
  const files = { npm: {}, pnpm: { 'pnpm-lock.yaml': '' }, yarn: { 'yarn.lock': '' }, 'yarn 1': { 'yarn.lock': '# yarn lockfile v1\n' } }
  const words = Object.entries(files).map(([name, lock]) => {
    const manager = packageManager({ env: {}, ...inside(project(lock)) })
    expect(manager.name).toBe(name)
    return [manager.install(), manager.remove('x', 'y'), manager.dedupe(), manager.copy('/z')].join('; ')
  })
  expect(words).toMatchInlineSnapshot(`
    [
      "npm install; npm uninstall x y; npm dedupe; npm install "$(npm pack --silent /z)"",
      "pnpm install; pnpm remove x y; pnpm dedupe; pnpm add file:/z",
      "yarn install; yarn remove x y; yarn dedupe; yarn add file:/z",
      "yarn install; yarn remove x y; npx yarn-deduplicate && yarn install; yarn add file:/z",
    ]
  `)
})

test.skipIf(process.platform === 'win32')('a pipe in place of a lock file is not waited for', () => {
  const folder = project()
  spawnSync('mkfifo', [join(folder, 'yarn.lock')])
  // In a process of its own, which can be ended: this one would wait too.
  const script = `
    const { packageManager } = await import(${JSON.stringify(new URL('../src/plugins/package-manager.ts', import.meta.url).href)})
    console.log(packageManager(${JSON.stringify(inside(folder))}).name)`
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  expect([stdout, signal]).toEqual(['yarn\n', null])
})
