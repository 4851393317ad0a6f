import type { Manifest } from '@silane/registry'
import semver from 'semver'

/** The package whose major version is the version of the plugin contract. */
export const CORE = '@silane/core'

/**
 * Packages that carry the contract: plugins implement it, the others hand its types on or take them. Only one core can be installed for
 * all of them, so what works with the next major of the core does not work beside what needs this one.
 */
export const carriesContract = (manifest: Manifest): boolean => rangesOf(manifest)[CORE] !== undefined

/** The ranges of a workspace's packages as they are packed: `workspace:^` becomes `^` and the version that stands in the workspace. */
export function asPacked(manifests: readonly Manifest[]): Manifest[] {
  const versions = new Map(manifests.map(({ name, version }) => [name, version]))
  const packed = (ranges: Readonly<Record<string, string>> | undefined) =>
    ranges &&
    Object.fromEntries(
      Object.entries(ranges).map(([name, range]) => {
        const rest = range.replace(/^workspace:/, '')
        if (rest === range) return [name, range]
        return [name, rest === '*' ? `${versions.get(name)}` : /^[\^~]$/.test(rest) ? `${rest}${versions.get(name)}` : rest]
      }),
    )
  return manifests.map(manifest => {
    const dependencies = packed(manifest.dependencies)
    const peerDependencies = packed(manifest.peerDependencies)
    return { ...manifest, ...(dependencies ? { dependencies } : {}), ...(peerDependencies ? { peerDependencies } : {}) }
  })
}

/**
 * What is wrong with new versions beside those that users have, a line for each:
 * a package that follows the core to another major is a major itself; and a package that no changeset names (`named`) is released only
 * because something that it asks for went to another major.
 */
export function versionProblems(before: readonly Manifest[], after: readonly Manifest[], named?: ReadonlySet<string>): string[] {
  const earlier = new Map(before.map(manifest => [manifest.name, manifest]))
  return after.flatMap(next => {
    const previous = earlier.get(next.name)
    if (previous === undefined) return []
    const label = `${next.name} ${previous.version} -> ${next.version}`
    // The core, and what else is ours: a package of others is followed by a changeset of one's own.
    const followed = Object.keys(rangesOf(next)).filter(name => {
      const [was, is] = [previous, next].map(manifest => lowestMajor(manifest, name))
      return (name === CORE || earlier.has(name)) && was !== undefined && was !== is
    })
    const problems: string[] = []
    if (followed.includes(CORE) && semver.major(next.version) <= semver.major(previous.version))
      problems.push(`${label}: follows ${CORE} ${rangesOf(previous)[CORE]} -> ${rangesOf(next)[CORE]} and must be a major`)
    if (named?.has(next.name) === false && next.version !== previous.version && followed.length === 0)
      problems.push(`${label}: no changeset names it, and it works with what it worked with`)
    return problems
  })
}

const rangesOf = ({ dependencies, peerDependencies }: Manifest): Readonly<Record<string, string>> => ({
  ...dependencies,
  ...peerDependencies,
})

function lowestMajor(manifest: Manifest, name: string): number | undefined {
  const range = rangesOf(manifest)[name]
  return range === undefined ? undefined : (semver.minVersion(range)?.major ?? undefined)
}

/** What is wrong with how packages of the workspace ask for the core, a line for each. */
export function rangeProblems(manifests: readonly Manifest[]): string[] {
  return manifests.flatMap(({ name, dependencies, peerDependencies, silane }) => {
    const problems: string[] = []
    const isPlugin = silane !== undefined
    if (isPlugin && peerDependencies?.[CORE] !== 'workspace:^')
      problems.push(`${name}: a plugin has the peer dependency "${CORE}": "workspace:^", so that a minor of the core leaves it alone`)
    for (const [dependency, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
      if (range.startsWith('workspace:') && range !== 'workspace:^')
        problems.push(`${name}: "${dependency}": "${range}" pins one version, so that two are installed after the next; "workspace:^"`)
    }
    return problems
  })
}
