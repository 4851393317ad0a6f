import { readdirSync, statSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { API_VERSION, nearest } from '@silane/core'
import semver from 'semver'
import { errors } from '../errors.ts'
import { versions } from '../versions.ts'
import {
  codeFolder,
  dependencyNames,
  installedPackage,
  isRecord,
  isWithin,
  nearestPackage,
  ownFolder,
  type PackageFile,
  plugAndPlayProject,
  readPackage,
} from './find-package.ts'
import { knownPlugins } from './known-plugins.ts'
import { globalFolder, isPluginName, isPnpmGlobal, isShared, type PackageManager, packageManager } from './package-manager.ts'
import { type PluginManifest, readPluginManifest } from './plugin-manifest.ts'

/** The word in `keywords` that makes a package a plugin. */
const KEYWORD = 'silane-plugin'

/** A plugin whose package.json was read; its code was not. */
export interface FoundPlugin {
  readonly package: string
  readonly version: string
  /** The package's folder, links resolved. */
  readonly root: string
  readonly json: PackageFile['json']
  readonly manifest: PluginManifest
  /** Where it was asked for: `--plugin`, or the package.json that lists it. */
  readonly via: string
  /** Said when the plugin is used: it was made for another core. */
  readonly warning: string | undefined
}

/** A package that looked like a plugin and is not used. */
export interface SkippedPlugin {
  readonly package: string
  readonly version: string
  readonly root: string
  readonly via: string
  readonly reason: string
  /** Set when it is made for another plugin API than the host's; then its claims could not be trusted. */
  readonly apiVersion?: number
  /** The model types it names, for the message when nothing else fits. */
  readonly modelTypes: readonly string[]
}

/** A plugin that a package.json names and that is not installed. */
export interface MissingPlugin {
  readonly package: string
  readonly via: string
}

export interface Discovery {
  readonly plugins: readonly FoundPlugin[]
  readonly skipped: readonly SkippedPlugin[]
  readonly missing: readonly MissingPlugin[]
  /** The package.json files that were looked at. */
  readonly looked: readonly string[]
  /** Asked for by name: claims then only choose among several. */
  readonly byHand: boolean
  /** What installs plugins here. */
  readonly manager: PackageManager
}

export interface DiscoverOptions {
  /** Ids, names or paths of `--plugin`. */
  readonly explicit?: readonly string[] | undefined
  readonly cwd?: string | undefined
  /** The folder of the checkpoint that a plugin is looked for: what is in it is none. */
  readonly checkpoint?: string | undefined
  /** The folder of the running silane; for tests. */
  readonly host?: string | undefined
  /** Names that `silane.plugins` has and nothing answers to are `missing` then, in place of an error. */
  readonly lenient?: boolean | undefined
}

interface Candidate {
  readonly found: PackageFile
  readonly via: string
}

/**
 * Finds plugins: those asked for; else those of `silane.plugins` in the nearest package.json; else the dependencies of the
 * nearest package.json upward from the working directory and upward from this package, as far as they carry the keyword, and what is
 * installed beside a global command. No code is imported.
 */
export function discoverPlugins(options: DiscoverOptions = {}): Discovery {
  const { explicit = [], cwd = process.cwd(), checkpoint, host = ownFolder, lenient = false } = options
  // A checkpoint brings no code along: `silane inspect .` in a downloaded model runs nothing of it.
  const from = codeFolder(cwd, checkpoint === undefined ? [] : [checkpoint])
  const project = from === undefined ? undefined : nearestPackage(from)
  const called = launcherProject(host)
  // What installed the host is told by where its command stands, not by a store.
  const home = called ? join(dirname(called.file), 'node_modules', 'silane') : host
  const manager = packageManager({ project: project && dirname(project.file), host: home })
  const sort = (candidates: readonly Candidate[]) => sorted(candidates, checkpoint, manager)
  const usual = (): Listing => usualPlugins(project, host, called)
  if (explicit.length > 0) {
    const place = { cwd, places: [from, host].filter(folder => folder !== undefined), checkpoint, manager }
    const found = explicit.map(name => ({ found: byHand(name, place, () => sort(usual().candidates).plugins), via: BY_HAND }))
    return { ...sort(found), missing: [], looked: [], byHand: true, manager }
  }
  const { candidates, missing, looked, named } = usual()
  const [lost] = missing
  if (named && lost && !lenient) throw notFound(lost.package, [project?.file ?? cwd], [], manager)
  return { ...sort(candidates), missing, looked, byHand: false, manager }
}

const BY_HAND = '--plugin'

/** What is looked at where nothing is asked for. */
interface Listing {
  readonly candidates: readonly Candidate[]
  readonly missing: readonly MissingPlugin[]
  readonly looked: readonly string[]
  /** A package.json names its plugins, which nothing else joins. */
  readonly named: boolean
}

function usualPlugins(project: PackageFile | undefined, host: string, called: PackageFile | undefined): Listing {
  const candidates: Candidate[] = []
  const missing: MissingPlugin[] = []
  const configured = configuredPlugins(project)
  if (configured && project) {
    const at = dirname(project.file)
    for (const name of configured) {
      const found = looksLikePath(name, at) ? readPackage(resolve(at, name)) : (installedPackage(name, at) ?? installedPackage(name, host))
      if (found) candidates.push({ found, via: project.file })
      else missing.push({ package: name, via: project.file })
    }
    return { candidates, missing, looked: [project.file], named: true }
  }
  const looked = new Set<string>()
  // The host's own package.json lists no plugins; the one above it belongs to the project or workspace it is installed in.
  for (const found of [project, hostProject(host), called, ...(called ? besideGlobal(called) : [])]) {
    if (!found || looked.has(found.file)) continue
    looked.add(found.file)
    const listing = listed(found)
    candidates.push(...listing.candidates)
    missing.push(...listing.missing)
  }
  const beside = globalFolder(host)
  if (beside !== undefined) {
    looked.add(beside)
    candidates.push(
      ...packagesIn(beside)
        .filter(isPlugin)
        .map(found => ({ found, via: beside })),
    )
  }
  return { candidates, missing, looked: [...looked], named: false }
}

const hostProject = (host: string): PackageFile | undefined => plugAndPlayProject(host) ?? nearestPackage(dirname(host))

/**
 * The project whose command was called, where a store that many projects share holds the packages: links lead out of the project, and its
 * command is told by how it was called, pnpm's by the NODE_PATH that it sets.
 */
function launcherProject(host: string, env = process.env): PackageFile | undefined {
  const [, launcher = ''] = process.argv
  const end = launcher.replaceAll('\\', '/').lastIndexOf('/node_modules/')
  const called = end > 0 && isWithin(launcher, host) ? nearestPackage(launcher.slice(0, end)) : undefined
  if (called) return called
  const folders = isShared(host) ? (env.NODE_PATH ?? '').split(delimiter) : []
  const [project] = folders.flatMap(folder => /^(.+)[\\/]node_modules[\\/]\.pnpm[\\/]node_modules$/.exec(resolve(folder))?.[1] ?? [])
  return project === undefined ? undefined : nearestPackage(project)
}

/** What else pnpm has installed for the whole machine: every package has a project of its own, beside the others. */
function besideGlobal({ file }: PackageFile): readonly PackageFile[] {
  const all = dirname(dirname(file))
  if (!isPnpmGlobal(all)) return []
  const found = readdirSync(all).flatMap(name => readPackage(join(all, name)) ?? [])
  return [...new Map(found.map(project => [project.root, project])).values()]
}

/** The packages in a folder of global ones: each was asked for, as in a package.json. */
function packagesIn(folder: string): readonly PackageFile[] {
  const names = readdirSync(folder).flatMap(name => {
    if (!name.startsWith('@')) return [name]
    return isFolder(join(folder, name)) ? readdirSync(join(folder, name)).map(inner => `${name}/${inner}`) : []
  })
  return names.sort().flatMap(name => readPackage(join(folder, name)) ?? [])
}

const isPlugin = ({ keywords }: PackageFile): boolean => keywords.includes(KEYWORD)

function sorted(
  candidates: readonly Candidate[],
  checkpoint: string | undefined,
  manager: PackageManager,
): Pick<Discovery, 'plugins' | 'skipped'> {
  const plugins = new Map<string, FoundPlugin>()
  const skipped = new Map<string, SkippedPlugin>()
  // A project's own comes before another version of it beside the host.
  const roots = new Map<string, string>()
  for (const candidate of candidates) {
    const { name, root } = candidate.found
    const inside = candidate.via !== BY_HAND && checkpoint !== undefined && isWithin(root, checkpoint)
    if (!inside && (roots.get(name) ?? root) !== root) continue
    const judged = inside ? inCheckpoint(candidate) : judge(candidate, manager)
    if (!inside) roots.set(name, root)
    if ('reason' in judged) skipped.set(root, judged)
    else if (!plugins.has(root)) plugins.set(root, judged)
  }
  return { plugins: [...plugins.values()], skipped: [...skipped.values()] }
}

function configuredPlugins(project: PackageFile | undefined): readonly string[] | undefined {
  const block = project?.json.silane
  if (!isRecord(block) || block.plugins === undefined) return undefined
  const { plugins } = block
  if (Array.isArray(plugins) && plugins.every(name => typeof name === 'string' && !name.includes('\0'))) return plugins
  throw errors.E_USAGE({
    problem: `${project?.file}: "silane.plugins" is not a list of names or paths.`,
    next: 'Write "silane": { "plugins": ["@silane/plugin-<family>"] }.',
  })
}

/** The package itself, for the author of a plugin, and its dependencies. Only those that carry the keyword are candidates. */
function listed(from: PackageFile): Pick<Listing, 'candidates' | 'missing'> {
  const names = [...new Set(dependencyNames(from.json))].sort()
  const found = names.map(name => ({ name, installed: installedPackage(name, dirname(from.file)) }))
  // An optional dependency may be missing, and of what is not there nothing but its name tells whether it is a plugin.
  const optional = dependencyNames(from.json, ['optionalDependencies'])
  const missing = found.filter(({ name, installed }) => !installed && isPluginName(name) && !optional.includes(name))
  return {
    candidates: [from, ...found.flatMap(({ installed }) => installed ?? [])]
      .filter(isPlugin)
      .map(each => ({ found: each, via: from.file })),
    missing: missing.map(({ name }) => ({ package: name, via: from.file })),
  }
}

interface ByHand {
  readonly cwd: string
  /** The folders from which packages are looked for. */
  readonly places: readonly string[]
  readonly checkpoint: string | undefined
  readonly manager: PackageManager
}

/**
 * A path counts from the working directory. Else it is the name or the id of a plugin that would be found anyway, or the name of a package
 * that nothing lists. A folder of that name comes last, and never the checkpoint's: `convert ./x --plugin x` means no code in x.
 */
function byHand(name: string, { cwd, places, checkpoint, manager }: ByHand, usual: () => readonly FoundPlugin[]): PackageFile {
  const path = resolve(cwd, name)
  const tried = places.map(place => `node_modules upward from ${place}`)
  if (isAbsolute(name) || name.startsWith('.')) {
    const found = readPackage(path)
    if (found) return found
    throw notFound(name, [path], [], manager)
  }
  const plugins = usual()
  const installed = (wanted: string) => places.map(place => installedPackage(wanted, place)).find(found => found !== undefined)
  const [called] = plugins.filter(plugin => plugin.package === name)
  const [first, second] = called ? [called] : plugins.filter(plugin => plugin.manifest.id === name)
  if (first && second)
    throw errors.E_PLUGIN_TWICE({
      id: name,
      plugins: [first, second].map(plugin => `${plugin.package}@${plugin.version}`),
      where: `${first.root}, ${second.root}`,
      mend: `Name the package: --plugin ${first.package}`,
    })
  const known = knownPlugins.find(({ id }) => id === name)
  const beside = isFolder(path) && !(checkpoint !== undefined && isWithin(path, checkpoint)) ? readPackage(path) : undefined
  const found = first ? readPackage(first.root) : (installed(name) ?? (known && installed(known.package)) ?? beside)
  if (found) return found
  const names = plugins.flatMap(plugin => [plugin.manifest.id, plugin.package])
  throw notFound(name, tried, names, manager)
}

/** The error of a name that no plugin has: with the names that are near it, and what would install it. */
function notFound(name: string, tried: readonly string[], names: readonly string[], manager: PackageManager): Error {
  const known = knownPlugins.find(plugin => plugin.id === name || plugin.package === name)
  const all = new Set([...names, ...knownPlugins.map(({ id }) => id)])
  const isPath = isAbsolute(name) || name.startsWith('.')
  return errors.E_PLUGIN_NOT_FOUND({
    name,
    tried,
    near: known || isPath ? [] : nearest(name, all),
    install: known ? manager.add(known.package) : isPluginName(name) ? manager.add(name) : undefined,
  })
}

/** Whether an entry of `silane.plugins` is a path. */
const looksLikePath = (name: string, at: string): boolean => isAbsolute(name) || name.startsWith('.') || isFolder(resolve(at, name))

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

const inCheckpoint = ({ found: { name, version, root }, via }: Candidate): SkippedPlugin => ({
  package: name,
  version,
  root,
  via,
  reason: 'it is in the folder of the checkpoint, which is no source of code; name it with --plugin if you trust it',
  modelTypes: [],
})

function judge({ found, via }: Candidate, manager: PackageManager): FoundPlugin | SkippedPlugin {
  const at = { package: found.name, version: found.version, root: found.root, via }
  const block = found.json.silane
  const skip = (reason: string, apiVersion?: number): SkippedPlugin => ({
    ...at,
    reason,
    modelTypes: modelTypesOf(found),
    ...(apiVersion === undefined ? {} : { apiVersion }),
  })
  // Before anything else is believed: another version's block may mean something else by its keys.
  const wants = isRecord(block) ? block.apiVersion : undefined
  if (typeof wants === 'number' && wants > API_VERSION)
    return skip(`it is made for plugin API ${wants}, this silane has ${API_VERSION}: ${manager.add('silane@latest')}`, wants)
  if (typeof wants === 'number' && wants < API_VERSION)
    return skip(`it is made for plugin API ${wants}, this silane has ${API_VERSION}: ${manager.add(`${found.name}@latest`)}`, wants)
  const read = readPluginManifest(block)
  if ('problem' in read) return skip(read.problem)
  return { ...at, json: found.json, manifest: read.manifest, warning: coreWarning(found, manager) }
}

function modelTypesOf(found: PackageFile): readonly string[] {
  const block = found.json.silane
  const claims = isRecord(block) && Array.isArray(block.claims) ? block.claims : []
  return claims.map(claim => (isRecord(claim) ? claim.modelType : undefined)).filter(type => typeof type === 'string')
}

/** What a plugin asks of the core and does not get: the range, and which of the two is behind. */
export function coreMismatch(
  { name, json }: Pick<PackageFile, 'name' | 'json'>,
  core: string = versions.core,
): { readonly range: string; readonly behind: string } | undefined {
  const peers = json.peerDependencies
  const range = isRecord(peers) ? peers['@silane/core'] : undefined
  // Inside a workspace the range is only known when the package is packed.
  if (typeof range !== 'string' || range.startsWith('workspace:')) return undefined
  if (semver.satisfies(core, range, { includePrerelease: true })) return undefined
  return { range, behind: semver.validRange(range) !== null && semver.ltr(core, range) ? 'silane' : name }
}

/** A core outside the plugin's peer range: it may work, so it is said and not refused. */
function coreWarning(found: PackageFile, manager: PackageManager): string | undefined {
  const mismatch = coreMismatch(found)
  if (!mismatch) return undefined
  const { range, behind } = mismatch
  return `${found.name}@${found.version} asks for @silane/core ${range}, and this silane has ${versions.core}. If it fails: ${manager.add(`${behind}@latest`)}`
}
