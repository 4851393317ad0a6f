import { realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { API_VERSION } from '@silane/core'
import semver from 'semver'
import { errors } from '../errors.ts'
import { versions } from '../versions.ts'
import { codeFolder, installedPackage, isRecord, isWithin, nearestPackage, type PackageFile, readPackage } from './find-package.ts'
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
  /** Set when it needs a newer host; then its claims could not be trusted. */
  readonly apiVersion?: number
  /** The model types it names, for the message when nothing else fits. */
  readonly modelTypes: readonly string[]
}

export interface Discovery {
  readonly plugins: readonly FoundPlugin[]
  readonly skipped: readonly SkippedPlugin[]
  /** The package.json files that were looked at. */
  readonly looked: readonly string[]
  /** Asked for by name: claims then only choose among several. */
  readonly byHand: boolean
}

export interface DiscoverOptions {
  /** Names or paths of `--plugin`. */
  readonly explicit?: readonly string[] | undefined
  readonly cwd?: string | undefined
  /** The folder of the checkpoint that a plugin is looked for: what is in it is none. */
  readonly checkpoint?: string | undefined
  /** The folder of the running silane; for tests. */
  readonly host?: string | undefined
}

interface Candidate {
  readonly found: PackageFile
  readonly via: string
}

/**
 * Finds plugins: those asked for; else those of `silane.plugins` in the nearest package.json; else the dependencies of the
 * nearest package.json upward from the working directory and upward from this package, as far as they carry the keyword.
 * Never a walk of node_modules, and no code is imported.
 */
export function discoverPlugins({ explicit = [], cwd = process.cwd(), checkpoint, host = ownFolder }: DiscoverOptions = {}): Discovery {
  // A checkpoint brings no code along: `silane inspect .` in a downloaded model runs nothing of it.
  const from = codeFolder(cwd, checkpoint === undefined ? [] : [checkpoint])
  const project = from === undefined ? undefined : nearestPackage(from)
  const configured = configuredPlugins(project)
  const looked = new Set<string>()
  const candidates: Candidate[] = []
  if (explicit.length > 0) {
    for (const name of explicit) candidates.push({ found: findNamed(name, cwd, [from, host]), via: '--plugin' })
  } else if (configured && project) {
    looked.add(project.file)
    for (const name of configured)
      candidates.push({ found: findNamed(name, dirname(project.file), [dirname(project.file), host]), via: project.file })
  } else {
    // The host's own package.json lists no plugins; the one above it belongs to the project or workspace it is installed in.
    for (const found of [project, nearestPackage(dirname(host))]) {
      if (!found || looked.has(found.file)) continue
      looked.add(found.file)
      candidates.push(...listed(found))
    }
  }
  const plugins = new Map<string, FoundPlugin>()
  const skipped = new Map<string, SkippedPlugin>()
  for (const candidate of candidates) {
    const inside = candidate.via !== '--plugin' && checkpoint !== undefined && isWithin(candidate.found.root, checkpoint)
    const judged = inside ? inCheckpoint(candidate) : judge(candidate)
    if ('reason' in judged) skipped.set(judged.root, judged)
    else if (!plugins.has(judged.root)) plugins.set(judged.root, judged)
  }
  return { plugins: [...plugins.values()], skipped: [...skipped.values()], looked: [...looked], byHand: explicit.length > 0 }
}

/** The folder of this package, links resolved: of silane itself, whatever linked to it. */
const ownFolder = dirname(dirname(dirname(realpathSync(fileURLToPath(import.meta.url)))))

function configuredPlugins(project: PackageFile | undefined): readonly string[] | undefined {
  const block = project?.json.silane
  if (!isRecord(block) || block.plugins === undefined) return undefined
  const { plugins } = block
  if (Array.isArray(plugins) && plugins.every(name => typeof name === 'string')) return plugins
  throw errors.E_USAGE({
    problem: `${project?.file}: "silane.plugins" is not a list of names or paths.`,
    next: 'Write "silane": { "plugins": ["@silane/plugin-<family>"] }.',
  })
}

/** The package itself, for the author of a plugin, and its dependencies. Only those that carry the keyword are candidates. */
function listed(from: PackageFile): Candidate[] {
  const names = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap(key => {
    const block = from.json[key]
    return isRecord(block) ? Object.keys(block) : []
  })
  const installed = [...new Set(names)].sort().map(name => installedPackage(name, dirname(from.file)))
  return [from, ...installed]
    .filter(found => found !== undefined)
    .filter(found => found.keywords.includes(KEYWORD))
    .map(found => ({ found, via: from.file }))
}

/** A path counts from the folder `at`; a name is looked up from each of `places` in turn. */
function findNamed(name: string, at: string, places: readonly (string | undefined)[]): PackageFile {
  const path = resolve(at, name)
  const looksLikePath = isAbsolute(name) || name.startsWith('.') || isFolder(path)
  const from = places.filter(place => place !== undefined)
  const found = looksLikePath
    ? readPackage(path)
    : from.map(place => installedPackage(name, place)).find(candidate => candidate !== undefined)
  if (found) return found
  throw errors.E_PLUGIN_NOT_FOUND({ name, tried: looksLikePath ? [path] : from.map(place => `node_modules upward from ${place}`) })
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

const inCheckpoint = ({ found: { name, version, root }, via }: Candidate): SkippedPlugin => ({
  package: name,
  version,
  root,
  via,
  reason: 'it is in the folder of the checkpoint, which is no source of code; name it with --plugin if you trust it',
  modelTypes: [],
})

function judge({ found, via }: Candidate): FoundPlugin | SkippedPlugin {
  const at = { package: found.name, version: found.version, root: found.root, via }
  const block = found.json.silane
  const skip = (reason: string, apiVersion?: number): SkippedPlugin => ({
    ...at,
    reason,
    modelTypes: modelTypesOf(found),
    ...(apiVersion === undefined ? {} : { apiVersion }),
  })
  // Before anything else is believed: a newer block may mean something else by its keys.
  const wants = isRecord(block) ? block.apiVersion : undefined
  if (typeof wants === 'number' && wants > API_VERSION)
    return skip(`it needs plugin API ${wants}, this silane has ${API_VERSION}: npm install silane@latest`, wants)
  const read = readPluginManifest(block)
  if ('problem' in read) return skip(read.problem)
  return { ...at, json: found.json, manifest: read.manifest, warning: coreMismatch(found) }
}

function modelTypesOf(found: PackageFile): readonly string[] {
  const block = found.json.silane
  const claims = isRecord(block) && Array.isArray(block.claims) ? block.claims : []
  return claims.map(claim => (isRecord(claim) ? claim.modelType : undefined)).filter(type => typeof type === 'string')
}

/** A core outside the plugin's peer range: it may work, so it is said and not refused. */
function coreMismatch(found: PackageFile): string | undefined {
  const peers = found.json.peerDependencies
  const range = isRecord(peers) ? peers['@silane/core'] : undefined
  // Inside a workspace the range is only known when the package is packed.
  if (typeof range !== 'string' || range.startsWith('workspace:')) return undefined
  if (semver.satisfies(versions.core, range, { includePrerelease: true })) return undefined
  return `${found.name}@${found.version} asks for @silane/core ${range}, and this silane has ${versions.core}. If it fails: npm install silane@latest ${found.name}@latest`
}
