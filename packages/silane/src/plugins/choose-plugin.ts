import { createRequire } from 'node:module'
import { API_VERSION, type Checkpoint } from '@silane/core'
import { errors } from '../errors.ts'
import type { Discovery, FoundPlugin } from './discover-plugins.ts'
import { knownPlugins } from './known-plugins.ts'
import { type ClaimMatch, type GivenOptions, matchClaim } from './match-claim.ts'

/** The plugin for a checkpoint and the conditions that decided it. */
export interface Choice {
  readonly plugin: FoundPlugin
  readonly because: readonly string[]
}

interface Judged extends ClaimMatch {
  readonly plugin: FoundPlugin
  readonly modelType: string | undefined
  readonly architectures: readonly string[]
}

/**
 * Chooses the plugin whose claim fits best: of the claims that hold, the one with most conditions (MosaicBERT's config
 * says `bert` too, and has ALiBi keys besides). Equal claims of two plugins are an error; a single `--plugin` decides by hand.
 */
export function choosePlugin(discovery: Discovery, checkpoint: Checkpoint, options: GivenOptions): Choice {
  const judged = discovery.plugins.flatMap(plugin =>
    plugin.manifest.claims.map(
      (claim): Judged => ({
        plugin,
        modelType: claim.modelType,
        architectures: claim.architectures ?? [],
        ...matchClaim(claim, checkpoint, options),
      }),
    ),
  )
  const holding = judged.filter(({ unmet }) => unmet.length === 0).sort((a, b) => b.met.length - a.met.length)
  const [best] = holding
  if (best) {
    const equal = holding.filter(({ met, plugin }) => met.length === best.met.length && plugin !== best.plugin)
    if (equal.length === 0) return { plugin: best.plugin, because: best.met }
    const named = [...new Set([best, ...equal].map(({ plugin }) => plugin))].map(label)
    throw errors.E_PLUGIN_AMBIGUOUS({ plugins: named, because: best.met, where: checkpoint.location })
  }
  const [only, ...others] = discovery.plugins
  if (discovery.byHand && only && others.length === 0) return { plugin: only, because: ['chosen by --plugin'] }
  throw nothingClaims(discovery, checkpoint, judged)
}

const label = (plugin: { readonly package: string; readonly version: string }): string => `${plugin.package}@${plugin.version}`

/** The error that helps most, nearest miss first. */
function nothingClaims(discovery: Discovery, checkpoint: Checkpoint, judged: readonly Judged[]): Error {
  const { plugins, skipped } = discovery
  const where = checkpoint.location
  const modelType = checkpoint.config.model_type
  if (typeof modelType !== 'string' && !checkpoint.has('config.json')) {
    const weights = checkpoint.tensorNames.slice(0, 3)
    return errors.E_NO_CONFIG({
      where,
      weights: checkpoint.tensorNames.length > 3 ? [...weights, '…'] : weights,
      plugins: plugins.map(label),
    })
  }
  const name = String(modelType ?? '')
  const newer = skipped.find(({ apiVersion, modelTypes }) => apiVersion !== undefined && modelTypes.includes(name))
  if (newer) return errors.E_PLUGIN_API({ plugin: label(newer), wants: newer.apiVersion ?? 0, has: API_VERSION, where: newer.root })
  const broken = skipped.find(({ modelTypes }) => modelTypes.includes(name))
  if (broken) return errors.E_PLUGIN_INVALID({ plugin: label(broken), problem: broken.reason, where: broken.root })
  const near = judged.find(claim => claim.modelType === name)
  if (near) {
    const { plugin, architectures, unmet } = near
    const [declared] = Array.isArray(checkpoint.config.architectures) ? checkpoint.config.architectures : []
    if (typeof declared !== 'string' || architectures.length === 0 || architectures.includes(declared))
      return errors.E_CLAIM_UNMET({ modelType: name, plugin: plugin.package, unmet, where })
    return errors.E_ARCHITECTURE({ modelType: name, architecture: declared, plugin: plugin.package, claimed: architectures, where })
  }
  const install = Object.hasOwn(knownPlugins, name) ? knownPlugins[name] : undefined
  const seen = [...plugins.map(label), ...skipped.map(other => `${label(other)} (skipped: ${other.reason})`)]
  return errors.E_MODEL_TYPE({
    modelType: name,
    where: [where, ...discovery.looked].join(', '),
    plugins: seen,
    install,
    unlisted: install !== undefined && isInstalled(install),
  })
}

/** Whether Node would find the package from here although no package.json lists it, as with a global install. */
function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`)
    return true
  } catch {
    return false
  }
}
