import { isSilaneError, type OptionSpec } from '@silane/core'
import { type DiscoverOptions, discoverPlugins, type MissingPlugin, type SkippedPlugin } from './discover-plugins.ts'
import { loadPlugin } from './load-plugin.ts'
import type { Claim } from './plugin-manifest.ts'

export interface ListedPlugin {
  readonly package: string
  readonly version: string
  readonly id: string
  readonly status: string
  readonly root: string
  /** The package.json that lists it, or `--plugin`. */
  readonly via: string
  readonly claims: readonly Claim[]
  readonly tasks: readonly string[]
  /** From its code; absent where that cannot be loaded. */
  readonly options?: Readonly<Record<string, OptionSpec>>
  readonly problem?: string
  readonly warning?: string
}

export interface PluginList {
  readonly plugins: readonly ListedPlugin[]
  readonly skipped: readonly SkippedPlugin[]
  /** Those that a package.json names and that are not installed. */
  readonly missing: readonly MissingPlugin[]
  readonly looked: readonly string[]
}

/** What plugins are found, where, what they read, and why something was skipped. */
export async function listPlugins(options: DiscoverOptions = {}): Promise<PluginList> {
  const { plugins, skipped, missing, looked } = discoverPlugins({ ...options, lenient: true })
  const listed: ListedPlugin[] = []
  for (const found of plugins) {
    const { id, status, claims, tasks } = found.manifest
    const facts = { package: found.package, version: found.version, id, status, root: found.root, via: found.via, claims, tasks }
    const warning = found.warning === undefined ? {} : { warning: found.warning }
    try {
      const { options: own = {} } = await loadPlugin(found)
      listed.push({ ...facts, options: own, ...warning })
    } catch (error) {
      if (!isSilaneError(error)) throw error
      listed.push({ ...facts, problem: error.what, ...warning })
    }
  }
  return { plugins: listed, skipped, missing, looked }
}
