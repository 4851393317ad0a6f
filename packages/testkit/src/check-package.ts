import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { API_VERSION, type OptionSpec, type PluginContract } from '@silane/core'
import semver from 'semver'
import { type Claim, type PluginManifest, readPluginManifest } from 'silane'

/** A package.json, as far as it is looked at. */
export interface PackageFile {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly type?: string
  readonly keywords?: readonly string[]
  readonly exports?: unknown
  readonly publishConfig?: { readonly exports?: unknown }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly silane?: unknown
}

export const readPackageFile = (folder: string): PackageFile =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageFile

type Rules = readonly (readonly [boolean, string])[]

const broken = (rules: Rules): readonly string[] => rules.filter(([holds]) => !holds).map(([, problem]) => problem)

/** What is wrong with a plugin's package.json, each in a line. */
export function packageProblems(root: string): readonly string[] {
  const file = readPackageFile(root)
  const read = manifestOf(file)
  const core = file.peerDependencies?.['@silane/core']
  return broken([
    [file.keywords?.includes('silane-plugin') ?? false, 'keywords lack silane-plugin, by which it is found'],
    [Boolean(file.name && file.version), 'it has no name or no version'],
    [Boolean(file.license), 'it names no license'],
    [file.type === 'module', 'type is not module'],
    [file.exports !== undefined, 'it has no exports'],
    [core !== undefined, '@silane/core is not a peer dependency'],
    [file.dependencies?.['@silane/core'] === undefined, '@silane/core is a dependency: the host brings the only copy'],
    [
      core === undefined || /^(?:workspace:)?\^/.test(core) || takesNextMinor(core),
      `the peer range of @silane/core, "${core}", leaves out later versions of the same major`,
    ],
    ['manifest' in read, 'problem' in read ? read.problem : ''],
    ['problem' in read || read.manifest.apiVersion === API_VERSION, `apiVersion is not the core's, which is ${API_VERSION}`],
  ])
}

/** A range of another form, such as `1` or `>=1.2 <2`, that takes what a minor of the core brings. */
const takesNextMinor = (range: string): boolean => {
  const least = semver.validRange(range) === null ? null : semver.minVersion(range)
  return least !== null && semver.satisfies(`${least.major}.${least.minor + 1}.0`, range)
}

const manifestOf = (file: PackageFile) => readPluginManifest(file.silane as Parameters<typeof readPluginManifest>[0])

/** What the `silane` block of package.json says that the code does not do, and the other way round, each in a line. */
export function manifestProblems(root: string, plugin: PluginContract): readonly string[] {
  const read = manifestOf(readPackageFile(root))
  if ('problem' in read) return [read.problem]
  const { id, claims, tasks } = read.manifest
  const done = [...new Set(Object.values(plugin.tasks))]
  const claimed = new Set(claims.flatMap(({ architectures = [] }) => architectures))
  // A claim without architectures takes every class of its model type.
  const all = claims.some(({ modelType, architectures }) => modelType !== undefined && architectures === undefined)
  return [
    ...broken([[id === plugin.id, `its id is "${id}", the code's is "${plugin.id}"`]]),
    ...tasks.filter(task => !done.includes(task)).map(task => `tasks names ${task}, for which the code has no architecture`),
    ...done.filter(task => !tasks.includes(task)).map(task => `tasks lacks ${task}, which the code has`),
    ...(all ? [] : Object.keys(plugin.tasks).filter(name => !claimed.has(name))).map(name => `no claim has ${name}, which the code has`),
    ...claims.flatMap(claim => optionProblems(claim, plugin)),
  ]
}

/** Options that a claim goes by and nobody could ever ask for: the code refuses what it does not declare. */
const optionProblems = ({ when }: Claim, { options = {} }: PluginContract): readonly string[] =>
  Object.entries(when?.options ?? {}).flatMap(([name, value]) => {
    const spec: OptionSpec | undefined = Object.hasOwn(options, name) ? options[name] : undefined
    if (!spec) return [`a claim goes by the option ${name}, which the code does not declare`]
    const fits = spec.choices ? spec.choices.includes(String(value)) : typeof value === typesOf[spec.type]
    return fits ? [] : [`a claim goes by ${name} = ${JSON.stringify(value)}, which is not a value of that option`]
  })

const typesOf: Readonly<Record<OptionSpec['type'], string>> = {
  boolean: 'boolean',
  integer: 'number',
  integers: 'number',
  number: 'number',
  string: 'string',
}

/**
 * Architectures that are claimed and are none of the code's: it must refuse a checkpoint of theirs by name, or it would give what another
 * class computes. A claim that goes by an option is left out: who asks for the option asks for what it gives.
 */
export function claimedBesides(root: string, plugin: PluginContract): readonly string[] {
  const read = manifestOf(readPackageFile(root))
  const claims: PluginManifest['claims'] | readonly Claim[] = 'manifest' in read ? read.manifest.claims : []
  const names = claims.flatMap(({ architectures = [], when }) => (when?.options ? [] : architectures))
  return [...new Set(names)].filter(name => !Object.hasOwn(plugin.tasks, name))
}
