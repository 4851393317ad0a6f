import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[\\/]$/, '')

/** What the package.json of a package says that a release reads. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** A packed package: where it is and what the package.json in it says. */
export interface Tarball {
  readonly path: string
  readonly manifest: Manifest
}

/** Runs one of the workspace's tools in the workspace. */
const tool = (name: string, ...args: string[]): string =>
  execFileSync(join(root, 'node_modules/.bin', name), args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter) },
    maxBuffer: 2 ** 28,
  })

/** The folders of the packages that are published. */
export const publicFolders = (): string[] =>
  globSync(['packages/*/package.json', 'plugins/*/package.json'], { cwd: root })
    .sort()
    .filter(file => JSON.parse(readFileSync(join(root, file), 'utf8')).private !== true)
    .map(file => join(root, file, '..'))

/** Reads a tarball's own package.json: not what the workspace says, what will be published. */
export const readTarball = (path: string): Tarball => ({
  path,
  manifest: JSON.parse(execFileSync('tar', ['-xzOf', path, 'package/package.json'], { encoding: 'utf8' })),
})

/** Packs a package, built before, as pnpm publishes it: `publishConfig` in effect, ranges of the workspace made real. */
export function pack(from: string, to: string): Tarball {
  tool('pnpm', '--dir', from, 'pack', '--out', to)
  return readTarball(to)
}

/** Packs all packages that are published, built before, each once into `folder`; in the order to publish them. */
export function packAll(folder: string): Tarball[] {
  mkdirSync(folder, { recursive: true })
  return inOrder(
    publicFolders().map(from => {
      const { name, version }: Manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
      return pack(from, join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`))
    }),
  )
}

/** Builds all packages that are published, out of nx's cache where it can, and packs each once into `folder`. */
export function packWorkspace(folder: string): Tarball[] {
  tool('nx', 'run-many', '-t', 'build')
  return packAll(folder)
}

/** Sorted so that each comes after what it depends on: whoever installs while a release is under way finds what a package asks for. */
export function inOrder(tarballs: readonly Tarball[]): Tarball[] {
  const byName = new Map(tarballs.map(tarball => [tarball.manifest.name, tarball]))
  const sorted = new Set<Tarball>()
  const visit = (tarball: Tarball, above: readonly Tarball[]) => {
    if (sorted.has(tarball) || above.includes(tarball)) return
    const { dependencies, optionalDependencies, peerDependencies } = tarball.manifest
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const needed = byName.get(name)
      if (needed) visit(needed, [...above, tarball])
    }
    sorted.add(tarball)
  }
  for (const tarball of tarballs) visit(tarball, [])
  return [...sorted]
}

/** A copy of a package as a later release would be: what `edit` makes of the unpacked folder and its manifest, packed again into `to`. */
export function repack(tarball: Tarball, to: string, edit: (manifest: Manifest, folder: string) => Manifest): Tarball {
  const scratch = mkdtempSync(join(tmpdir(), 'silane-repack-'))
  try {
    execFileSync('tar', ['-xzf', tarball.path, '-C', scratch])
    const folder = join(scratch, 'package')
    const manifest = edit(tarball.manifest, folder)
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    execFileSync('tar', ['-czf', to, '-C', scratch, 'package'])
    return { path: to, manifest }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Publishes a tarball as it is, unless the registry has that version; tells whether it did. */
export async function publish(registry: string, { path, manifest }: Tarball): Promise<boolean> {
  if ((await publishedVersions(registry, manifest.name)).includes(manifest.version)) return false
  if (!existsSync(path)) throw new Error(`${path} is missing`)
  const home = mkdtempSync(join(tmpdir(), 'silane-publish-'))
  try {
    const userConfig = join(home, '.npmrc')
    writeFileSync(userConfig, clientConfig(registry))
    execFileSync(join(root, 'node_modules/.bin/pnpm'), ['publish', path, '--no-git-checks', '--access', 'public'], {
      cwd: home,
      env: { ...process.env, NPM_CONFIG_USERCONFIG: userConfig, HOME: home },
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return true
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** What a registry knows of a package: the package.json of every version, and which is the latest. Nothing of one that it lacks. */
export interface Packument {
  readonly versions: Readonly<Record<string, Manifest>>
  readonly latest: string | undefined
}

/** Asks a registry for a package, past its caches. */
export async function packumentOf(registry: string, name: string): Promise<Packument> {
  const base = registry.endsWith('/') ? registry : `${registry}/`
  const response = await fetch(new URL(name.replace('/', '%2f'), base), { headers: { 'cache-control': 'no-cache' } })
  if (response.status === 404) return { versions: {}, latest: undefined }
  if (!response.ok) throw new Error(`${registry} answers ${response.status} for ${name}`)
  const { versions = {}, 'dist-tags': tags }: { versions?: Record<string, Manifest>; 'dist-tags'?: Record<string, string> } = JSON.parse(
    await response.text(),
  )
  return { versions, latest: tags?.latest }
}

/** The versions of a package that a registry has. */
export const publishedVersions = async (registry: string, name: string): Promise<string[]> =>
  Object.keys((await packumentOf(registry, name)).versions)

/** The lines of an .npmrc for a registry of this machine; verdaccio takes any token where everybody may publish. */
export const clientConfig = (registry: string): string =>
  [
    `registry=${registry}`,
    `${registry.replace(/^http:/, '')}:_authToken=none`,
    'audit=false',
    'fund=false',
    'update-notifier=false',
    '',
  ].join('\n')
