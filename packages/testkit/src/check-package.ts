import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { API_VERSION, type PluginContract } from '@silane/core'
import { type PluginManifest, readPluginManifest } from 'silane'

interface PackageFile {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly type?: string
  readonly keywords?: readonly string[]
  readonly exports?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly silane?: unknown
}

/** What is wrong with a plugin's package.json, each in a line. */
export function packageProblems(root: string, plugin: PluginContract): readonly string[] {
  const file = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageFile
  const read = readPluginManifest(file.silane as Parameters<typeof readPluginManifest>[0])
  const core = file.peerDependencies?.['@silane/core']
  const rules: readonly (readonly [boolean, string])[] = [
    [file.keywords?.includes('silane-plugin') ?? false, 'keywords lack silane-plugin, by which it is found'],
    [Boolean(file.name && file.version), 'it has no name or no version'],
    [Boolean(file.license), 'it names no license'],
    [file.type === 'module', 'type is not module'],
    [file.exports !== undefined, 'it has no exports'],
    [core !== undefined, '@silane/core is not a peer dependency'],
    [file.dependencies?.['@silane/core'] === undefined, '@silane/core is a dependency: the host brings the only copy'],
    [core === undefined || /^(?:workspace:)?\^/.test(core), 'the peer range of @silane/core is not a caret range'],
    ['manifest' in read, 'problem' in read ? read.problem : ''],
    ...('manifest' in read ? manifestRules(read.manifest, plugin) : []),
  ]
  return rules.filter(([holds]) => !holds).map(([, problem]) => problem)
}

const manifestRules = (manifest: PluginManifest, plugin: PluginContract): readonly (readonly [boolean, string])[] => [
  [manifest.apiVersion === API_VERSION, `apiVersion is ${manifest.apiVersion}, the core's is ${API_VERSION}`],
  [manifest.id === plugin.id, `its id is "${manifest.id}", the code's is "${plugin.id}"`],
  [manifest.tasks.length > 0, 'it names no tasks'],
]
