import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { SilaneError } from '@silane/core'
import { errors } from '../errors.ts'
import { versions } from '../versions.ts'
import { skippedError } from './choose-plugin.ts'
import { claimText } from './claim-text.ts'
import { coreMismatch, type DiscoverOptions, type Discovery, discoverPlugins, type FoundPlugin } from './discover-plugins.ts'
import { dependencyNames, installedPackage, ownFolder, type PackageFile, readPackage } from './find-package.ts'
import { loadApart, type Told } from './load-apart.ts'
import { globalFolder, type PackageManager, packageManager } from './package-manager.ts'
import type { Claim } from './plugin-manifest.ts'

/** What is wrong with a plugin, and what mends it. */
export interface PluginProblem extends Told {
  /** The packages that it is about. */
  readonly packages: readonly string[]
}

export interface CheckedPlugin {
  readonly package: string
  readonly version: string
  readonly id: string
  readonly root: string
  readonly via: string
  /** Nothing is wrong with it. */
  readonly ok: boolean
}

export interface PluginCheck {
  /** Nothing is wrong with anything. */
  readonly ok: boolean
  readonly plugins: readonly CheckedPlugin[]
  readonly looked: readonly string[]
  readonly problems: readonly PluginProblem[]
}

/** Looks for everything that keeps plugins from being used, loading their code too. Throws what `discoverPlugins` throws for `--plugin`. */
export async function checkPlugins(options: DiscoverOptions = {}): Promise<PluginCheck> {
  const discovery = discoverPlugins({ ...options, lenient: true })
  const { host = ownFolder } = options
  const place: Place = {
    host,
    core: installedPackage('@silane/core', host),
    managerFor: via => managerFor(via, discovery, host),
  }
  const { plugins, looked } = discovery
  const loaded = await loadApart(plugins)
  const problems = [
    ...missing(discovery, place),
    ...discovery.skipped.map(skipped => problem(skippedError(skipped, place.managerFor(skipped.via)), skipped)),
    ...plugins.flatMap((plugin, i) => [
      ...loadProblem(plugin, loaded[i], place),
      ...peerProblem(plugin, place),
      ...coreProblem(plugin, place),
    ]),
    ...pairs(plugins).flatMap(([one, other]) => pairProblem(one, other, place)),
  ]
  const named = new Set(problems.flatMap(({ packages }) => packages))
  return {
    ok: problems.length === 0,
    plugins: plugins.map(({ package: name, version, manifest, root, via }) => ({
      package: name,
      version,
      id: manifest.id,
      root,
      via,
      ok: !named.has(name),
    })),
    looked,
    problems,
  }
}

interface Place {
  readonly host: string
  /** The copy of the core that the host has. */
  readonly core: PackageFile | undefined
  /** What installs what was found in a place. */
  readonly managerFor: (via: string) => PackageManager
}

function managerFor(via: string, { manager }: Discovery, host: string): PackageManager {
  if (via === globalFolder(host)) return packageManager({ host })
  return /[\\/]package\.json$/.test(via) ? packageManager({ project: dirname(via), host }) : manager
}

const problem = ({ code, what, where, next }: Told | SilaneError, ...plugins: readonly { readonly package: string }[]): PluginProblem => ({
  code,
  what,
  where,
  next,
  packages: plugins.map(({ package: name }) => name),
})

const label = ({ package: name, version }: FoundPlugin): string => `${name}@${version}`

function missing({ missing: lost }: Discovery, { managerFor: by }: Place): PluginProblem[] {
  return lost.map(({ package: name, via }) => {
    const manager = by(via)
    // `silane.plugins` may name what no dependency brings.
    const isListed = dependencyNames(readPackage(dirname(via))?.json ?? {}).includes(name)
    const mend = /^[./]/.test(name)
      ? `Correct the path in "silane.plugins" of ${via}.`
      : `Install it: ${isListed ? manager.install() : manager.add(name)}`
    return problem(errors.E_PLUGIN_MISSING({ plugin: name, where: via, mend }), { package: name })
  })
}

/** Whether a package was installed, and is not a folder that somebody works on. */
const isInstalled = ({ root }: FoundPlugin): boolean => /[\\/]node_modules[\\/]/.test(root)

function loadProblem(plugin: FoundPlugin, told: Told | undefined, { managerFor: by }: Place): PluginProblem[] {
  if (told === undefined) return []
  const manager = by(plugin.via)
  const again = `${manager.add(`${plugin.package}@latest`)}. If that does not help, remove it (${manager.remove(plugin.package)}) and report it to its author.`
  const next = !isInstalled(plugin)
    ? `It is a folder of yours: mend the code in ${plugin.root}, and have its dependencies installed there.`
    : told.code === 'E_PLUGIN_LOAD' && /Cannot find|there is no/.test(told.what) && !manager.global
      ? `Install what is missing: ${manager.install()}. Else update the plugin: ${again}`
      : `Update the plugin: ${again}`
  return [problem({ ...told, next }, plugin)]
}

function peerProblem(plugin: FoundPlugin, { managerFor: by }: Place): PluginProblem[] {
  const mismatch = coreMismatch({ name: plugin.package, json: plugin.json })
  if (!mismatch) return []
  const { range, behind } = mismatch
  const update = by(plugin.via).add(`${behind}@latest`)
  return [problem(errors.E_PLUGIN_CORE({ plugin: label(plugin), range, core: versions.core, where: plugin.root, update }), plugin)]
}

function coreProblem(plugin: FoundPlugin, { host, core, managerFor: by }: Place): PluginProblem[] {
  const own = installedPackage('@silane/core', plugin.root)
  if (!core || !own || own.root === core.root) return []
  const manager = by(plugin.via)
  const same = own.version === core.version
  // npm gives every global package its dependencies apart; there are two copies then, of one version.
  if (same && plugin.via === globalFolder(host)) return []
  const packages = same ? [] : ['silane@latest', `${plugin.package}@latest`]
  const apart = globalFolder(host) !== undefined && plugin.via !== globalFolder(host)
  const mend = !isInstalled(plugin)
    ? manager.copy(plugin.root)
    : apart
      ? // The command of the whole machine hands over to the project's.
        packageManager({ project: dirname(plugin.via), host: plugin.root }).add('silane')
      : same
        ? manager.dedupe()
        : manager.add(...packages)
  const copies = [core, own].map(({ version, root }) => `${version} in ${root}`)
  return [problem(errors.E_CORE_TWICE({ plugin: label(plugin), copies, where: plugin.root, mend }), plugin)]
}

const pairs = <T>(items: readonly T[]): [T, T][] => items.flatMap((one, i) => items.slice(i + 1).map((other): [T, T] => [one, other]))

function pairProblem(one: FoundPlugin, other: FoundPlugin, { managerFor: by }: Place): PluginProblem[] {
  const plugins = [one, other].map(label)
  const where = `${one.root}, ${other.root}`
  const remove = by(other.via).remove(other.package)
  const { id } = one.manifest
  if (id === other.manifest.id) {
    const mend = `Remove one: ${remove}. To keep both, name the package with --plugin, not the id.`
    return [problem(errors.E_PLUGIN_TWICE({ id, plugins, where, mend }), one, other)]
  }
  const equal = one.manifest.claims.find(claim => other.manifest.claims.some(another => isEqual(claim, another)))
  if (!equal) return []
  return [problem(errors.E_PLUGIN_CLAIMS({ plugins, claim: claimText(equal), where, remove }), one, other)]
}

/** Whether there are checkpoints of which two claims hold with equally many conditions, since they are the same. */
function isEqual(one: Claim, other: Claim): boolean {
  const meet = one.architectures?.some(name => other.architectures?.includes(name)) ?? other.architectures === undefined
  return one.modelType === other.modelType && meet && isDeepStrictEqual(conditions(one), conditions(other))
}

/** The conditions of a claim, each as a text; the order in which they stand says nothing. */
const conditions = ({ when: { config = {}, files = [], tensors = [], options = {} } = {} }: Claim): ReadonlySet<string> =>
  new Set([
    ...[config, options].flatMap((block, i) => Object.entries(block).map(entry => JSON.stringify([i, ...entry]))),
    ...[files, tensors].flatMap((names, i) => names.map(name => JSON.stringify([2 + i, name]))),
  ])
