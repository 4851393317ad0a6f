import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { unfinishedFolder, unfinishedFolders } from '../src/unfinished.ts'

const module = new URL('../src/unfinished.ts', import.meta.url).href

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'silane-unfinished-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs code in a process that has `make(name)`, which makes a folder and gives its path, and `remove`. What is there when it has ended. */
function after(code: string): { readonly signal: string | null; readonly left: readonly string[] } {
  const folder = temporary()
  const script = `
    import { mkdirSync, rmSync } from 'node:fs'
    const { unfinishedFolder } = await import(${JSON.stringify(module)})
    const remove = path => rmSync(path, { recursive: true, force: true })
    const make = name => {
      const path = process.argv[1] + '/' + name
      mkdirSync(path)
      return path
    }
    ${code}
    setTimeout(() => {}, 10_000)`
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script, folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  return { signal, left: readdirSync(folder) }
}

test.skipIf(process.platform === 'win32').each<readonly [what: string, code: string, signal: string | null, left: readonly string[]]>([
  [
    'in the middle of being made',
    `unfinishedFolder(() => {
      const path = make('a')
      process.kill(process.pid, 'SIGHUP')
      return path
    }, remove)`,
    'SIGHUP',
    [],
  ],
  [
    'several, of two copies of the module',
    `const { unfinishedFolder: other } = await import(${JSON.stringify(`${module}?copy`)})
    unfinishedFolder(() => make('a'), remove)
    other(() => make('b'), remove)
    process.kill(process.pid, 'SIGTERM')`,
    'SIGTERM',
    [],
  ],
  [
    'where somebody else listens and ends the process',
    `process.on('SIGINT', () => process.exit(0))
    unfinishedFolder(() => make('a'), remove)
    process.kill(process.pid, 'SIGINT')`,
    null,
    [],
  ],
  [
    'that is removed before the signal is heard of',
    `const folder = unfinishedFolder(() => make('a'), remove)
    process.kill(process.pid, 'SIGTERM')
    folder.remove()`,
    'SIGTERM',
    [],
  ],
  [
    'that is finished',
    `unfinishedFolder(() => make('a'), remove).finish()
    process.kill(process.pid, 'SIGQUIT')`,
    'SIGQUIT',
    ['a'],
  ],
])('a folder %s, where its process ends', (_, code, signal, left) => {
  expect(after(code)).toEqual({ signal, left })
})

test('nobody listens once all are finished, removed or could not be made', async () => {
  const folder = temporary()
  const listeners = () => ['exit', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'].map(name => process.listenerCount(name))
  const before = listeners()
  const make = (name: string) => () => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }
  const remove = (path: string) => rmSync(path, { recursive: true, force: true })
  const [a, b] = [unfinishedFolder(make('a'), remove), unfinishedFolder(make('b'), remove)]
  expect(() => unfinishedFolder(make('a'), remove)).toThrow('EEXIST')
  expect(unfinishedFolders()).toEqual([a.path, b.path])
  expect(listeners()).toEqual(before.map(count => count + 1))
  a.remove()
  a.remove()
  b.finish()
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
  expect(listeners()).toEqual(before)
  expect(unfinishedFolders()).toEqual([])
  expect(readdirSync(folder)).toEqual(['b'])
})
