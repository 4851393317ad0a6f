import { existsSync, globSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ortFiles, ortFolder } from '../../../packages/onnxruntime-wasm/src/ort-folder.ts'

const root = join(import.meta.dirname, '../../..')

/** What `npm install silane @silane/plugin-…` may bring. `node tools/repo/install-size.mjs` installs and measures it. */
const LIMIT = 60e6

interface Manifest {
  readonly name: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

const own = new Map(
  globSync('{packages,plugins}/*/package.json', { cwd: root }).map(file => {
    const folder = dirname(join(root, file))
    return [manifestIn(folder).name, folder]
  }),
)

/** The folder of what a package depends on, looked for as Node does. */
function folderOf(name: string, from: string): string | undefined {
  for (let at = from; at !== dirname(at); at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    if (existsSync(join(folder, 'package.json'))) return realpathSync(folder)
  }
  return undefined
}

/** What is installed for packages without being asked for, by folder. Throws where something that is needed is not here. */
function closure(names: readonly string[]): ReadonlyMap<string, Manifest> {
  const found = new Map<string, Manifest>()
  const add = (name: string, from: string, optional: boolean): void => {
    const folder = own.get(name) ?? folderOf(name, from)
    if (folder === undefined && !optional) throw new TypeError(`${name} of ${from} is not installed`)
    if (folder === undefined || found.has(folder)) return
    const manifest = manifestIn(folder)
    found.set(folder, manifest)
    for (const other of Object.keys(manifest.dependencies ?? {})) add(other, folder, false)
    for (const other of Object.keys(manifest.optionalDependencies ?? {})) add(other, folder, true)
    for (const other of Object.keys(manifest.peerDependencies ?? {}))
      if (!manifest.peerDependenciesMeta?.[other]?.optional) add(other, folder, false)
  }
  for (const name of names) add(name, root, false)
  return found
}

const sizeOf = (path: string): number => {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.isFile() ? stat.blocks * 512 : 0
  return readdirSync(path).reduce((sum, name) => sum + (name === 'node_modules' ? 0 : sizeOf(join(path, name))), stat.blocks * 512)
}

/** As published: JavaScript and declarations take no more than the sources twice. */
const publishedSize = (folder: string): number => 2 * sizeOf(join(folder, 'src'))

const scriptsOf = ([folder, { scripts = {} }]: readonly [string, Manifest]): string[] => [
  ...['preinstall', 'install', 'postinstall'].filter(name => scripts[name] !== undefined),
  ...(existsSync(join(folder, 'binding.gyp')) ? ['binding.gyp'] : []),
]

const texts = [...own.keys()].filter(name => name.startsWith('@silane/plugin-') && !closure([name]).has(own.get('@silane/images') ?? ''))

test('what is looked at is what there is', () => {
  expect(texts).toContain('@silane/plugin-bert')
  const names = [...closure(['silane', '@silane/plugin-bert']).values()].map(({ name }) => name)
  for (const name of ['@silane/onnxruntime-wasm', '@huggingface/hub', 'zod']) expect(names).toContain(name)
  for (const name of ['onnxruntime-node', 'onnxruntime-web', '@silane/images']) expect(names).not.toContain(name)
})

test('nothing that is installed has an install script, with any plugin', () => {
  const all = closure([...own.keys()].filter(name => name === 'silane' || name.startsWith('@silane/plugin-')))
  expect([...all].filter(entry => scriptsOf(entry).length > 0).map(([, { name }]) => name)).toEqual([])
  // The ones that have led here would be noticed.
  const native = folderOf('onnxruntime-node', join(root, 'packages/runtime'))
  expect(native && scriptsOf([native, manifestIn(native)])).toEqual(['postinstall'])
})

test(`silane and all plugins that read texts take at most ${LIMIT / 1e6} MB`, () => {
  const ours = new Set(own.values())
  const wasm = ortFiles.reduce((sum, file) => sum + lstatSync(join(ortFolder(), file)).size, 0)
  const sizes = [...closure(['silane', ...texts]).keys()].map(folder => (ours.has(folder) ? publishedSize(folder) : sizeOf(folder)))
  const total = sizes.reduce((sum, size) => sum + size, wasm)
  expect(total).toBeGreaterThan(wasm)
  expect(total).toBeLessThan(LIMIT)
})

test('packages of ours depend on each other by ranges that one copy can meet', () => {
  const pinned = [...own].flatMap(([name, folder]) =>
    Object.entries({ ...manifestIn(folder).dependencies, ...manifestIn(folder).peerDependencies })
      .filter(([other, range]) => own.has(other) && range !== 'workspace:^')
      .map(([other, range]) => `${name}: ${other} ${range}`),
  )
  expect(pinned).toEqual([])
})
