import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { own, type PluginContract } from '@silane/core'
import { type PackageFile, readPackageFile } from './check-package.ts'

/** What packing a plugin and importing it as its users do shows. */
export interface PackedPlugin {
  /** Why it could not be tried. */
  readonly skipped?: string
  /** What is wrong with the tarball, each in a line. */
  readonly problems: readonly string[]
}

/**
 * Packs a plugin with the package manager that it is published with, unpacks it into the node_modules of an empty project beside what
 * its package.json asks for, and imports it there under plain Node. A plugin that works from its sources, and is published without
 * what its exports name, as TypeScript, or without a dependency, loads for nobody.
 *
 * Nothing is built here but by the plugin's own `prepack`. A package of a workspace whose `publishConfig.exports` puts built files in
 * the place of its sources is skipped until it is built: a suite of each of many packages, run at once, would have them all write the
 * same references.
 */
export function packedPlugin(root: string, plugin: PluginContract): PackedPlugin {
  const scratch = mkdtempSync(join(tmpdir(), 'silane-packed-'))
  try {
    const packed = pack(root, scratch)
    if ('problem' in packed) return { problems: [packed.problem] }
    const { folder, file } = packed
    const entries = targetsOf(rootOf(file.exports))
    const missing = entries.filter(entry => !existsSync(join(folder, entry)))
    if (missing.length > 0 && replacesExports(root, file))
      return { skipped: `not built: the tarball lacks ${missing.join(', ')}`, problems: [] }
    return {
      problems: [
        ...missing.map(entry => `exports name ${entry}, which the tarball lacks: build it before it is packed, and list it in "files"`),
        ...contentProblems(folder, file),
        ...linkDependencies(root, scratch, file),
        ...(missing.length > 0 ? [] : importProblems(scratch, file, plugin)),
      ],
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Whether packing put other exports in the place of those that are worked with. */
const replacesExports = (root: string, packed: PackageFile): boolean => !isDeepStrictEqual(readPackageFile(root).exports, packed.exports)

function pack(root: string, scratch: string): { readonly folder: string; readonly file: PackageFile } | { readonly problem: string } {
  const manager = managerOf(root)
  const out = join(scratch, 'tarball')
  mkdirSync(out)
  const done = run(manager, ['pack', '--pack-destination', out], root)
  if (done.status !== 0) return { problem: `${manager} pack fails: ${done.said}` }
  const [tarball] = readdirSync(out)
  if (tarball === undefined) return { problem: `${manager} pack wrote nothing` }
  const unpacked = run('tar', ['-xzf', join(out, tarball), '-C', out], scratch)
  if (unpacked.status !== 0) return { problem: `tar cannot read what ${manager} packed: ${unpacked.said}` }
  const from = join(out, 'package')
  const file = readPackageFile(from)
  const folder = join(scratch, 'node_modules', file.name ?? 'plugin')
  mkdirSync(dirname(folder), { recursive: true })
  renameSync(from, folder)
  return { folder, file }
}

/** pnpm where its lockfile is in force: it alone puts `publishConfig.exports` and versions for `workspace:` into what it packs. */
const managerOf = (root: string): 'npm' | 'pnpm' => {
  const lock = upward(root)
    .flatMap(at => ['pnpm-lock.yaml', 'package-lock.json'].map(name => join(at, name)))
    .find(file => existsSync(file))
  return lock?.endsWith('.yaml') ? 'pnpm' : 'npm'
}

function run(command: string, args: readonly string[], cwd: string): { readonly status: number | null; readonly said: string } {
  // On Windows the package managers are scripts of a shell.
  const shell = process.platform === 'win32' && command !== process.execPath
  const { NODE_OPTIONS: _, ...env } = process.env
  const PATH = [...bins(cwd), env.PATH].join(delimiter)
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', shell, env: { ...env, PATH } })
  return { status, said: error?.message ?? `${stderr}${stdout}`.trim() }
}

/** Where commands of installed packages stand: a package manager may be one of them. */
const bins = (cwd: string): readonly string[] => upward(cwd).map(at => join(at, 'node_modules', '.bin'))

/** The folder and those above it, up to the root. */
const upward = (folder: string): readonly string[] => [folder, ...(dirname(folder) === folder ? [] : upward(dirname(folder)))]

/** `exports["."]`. */
const rootOf = (exports: unknown): unknown =>
  typeof exports === 'object' && exports !== null && '.' in exports ? exports['.'] : (exports ?? undefined)

/** The files that an entry of exports may lead to, whatever the conditions. */
const targetsOf = (entry: unknown): readonly string[] =>
  typeof entry === 'string' ? [entry] : typeof entry === 'object' && entry !== null ? Object.values(entry).flatMap(targetsOf) : []

function contentProblems(folder: string, file: PackageFile): readonly string[] {
  const names = readdirSync(folder)
  const ranges = Object.entries({ ...file.dependencies, ...file.peerDependencies })
  return [
    ...(names.some(name => /^licen[cs]e/i.test(name)) ? [] : ['the tarball has no LICENSE']),
    ...(names.some(name => /^readme/i.test(name)) ? [] : ['the tarball has no README']),
    ...ranges
      .filter(([, range]) => range.startsWith('workspace:'))
      .map(([name, range]) => `${name} is "${range}", which no registry knows`),
  ]
}

/** Links what the package asks for, and nothing else, as an installation would. */
function linkDependencies(root: string, scratch: string, file: PackageFile): readonly string[] {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = file
  const names = Object.keys({ ...dependencies, ...peerDependencies })
  return names.flatMap(name => {
    const installed = folderOf(name, root)
    if (!installed) return own(peerDependenciesMeta, name)?.optional ? [] : [`${name} is not installed`]
    const link = join(scratch, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(installed, link, 'junction')
    return []
  })
}

const folderOf = (name: string, root: string): string | undefined =>
  upward(root)
    .map(at => join(at, 'node_modules', name))
    .find(folder => existsSync(join(folder, 'package.json')))

/** What the import says: JSON of what can be told of the plugin, or the error. */
const script = (name: string): string => `
const { default: plugin } = await import(${JSON.stringify(name)})
console.log(JSON.stringify({ id: plugin?.id, tasks: plugin?.tasks, options: plugin?.options ?? {}, load: typeof plugin?.load }))
`

function importProblems(scratch: string, file: PackageFile, plugin: PluginContract): readonly string[] {
  const at = join(scratch, 'import.mjs')
  writeFileSync(at, script(file.name ?? 'plugin'))
  const { status, said } = run(process.execPath, [at], scratch)
  if (status !== 0) return [`it cannot be imported: ${/^\w*Error.*$/m.exec(said)?.[0] ?? said}`]
  const loaded: unknown = JSON.parse(said.split('\n').at(-1) ?? '')
  const { id, tasks, options = {} } = plugin
  const own: unknown = JSON.parse(JSON.stringify({ id, tasks, options, load: 'function' }))
  return isDeepStrictEqual(loaded, own) ? [] : ['what it exports is another plugin than its sources: build it again']
}
