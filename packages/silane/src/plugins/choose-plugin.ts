import { createRequire } from 'node:module'
import { API_VERSION, type Checkpoint } from '@silane/core'
import { errors } from '../errors.ts'
import type { Discovery, FoundPlugin } from './discover-plugins.ts'
import { knownPlugins } from './known-plugins.ts'
import { type ClaimMatch, evidence, type GivenOptions, matchClaim } from './match-claim.ts'

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
 * Chooses the plugin whose claim fits best: of the claims that hold by the surest evidence, the one with most conditions
 * (MosaicBERT's config says `bert` too, and has ALiBi keys besides). Of equal ones a configuration without architectures goes to
 * the plugin with the family's plain model. Where a checkpoint names neither model type nor architecture, counting conditions of
 * different families would be a guess: there a claim only wins that asks for all that the others ask for. Equal claims of two plugins are an error; a single `--plugin` decides by hand.
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
  const holding = judged
    .filter(({ unmet }) => unmet.length === 0)
    .sort((a, b) => sureness(b) - sureness(a) || b.met.length - a.met.length || Number(b.plain) - Number(a.plain))
  const [best] = holding
  if (best) {
    const equal = holding.filter(other => other.plugin !== best.plugin && !isBetter(best, other))
    if (equal.length === 0) return { plugin: best.plugin, because: best.met }
    const named = [...new Set([best, ...equal].map(({ plugin }) => plugin))].map(label)
    const because = best.met.filter(condition => equal.every(({ met }) => met.includes(condition)))
    throw errors.E_PLUGIN_AMBIGUOUS({ plugins: named, because: because.length > 0 ? because : best.met, where: checkpoint.location })
  }
  const [only, ...others] = discovery.plugins
  if (discovery.byHand && only && others.length === 0) return { plugin: only, because: ['chosen by --plugin'] }
  throw nothingClaims(discovery, checkpoint, judged)
}

const sureness = ({ by }: ClaimMatch): number => evidence.indexOf(by)

/** Whether the first of two claims that hold decides against the second. */
function isBetter(claim: ClaimMatch, other: ClaimMatch): boolean {
  if (claim.by !== other.by) return sureness(claim) > sureness(other)
  if (claim.by !== 'content') return claim.met.length > other.met.length || (claim.plain && !other.plain)
  return claim.met.length > other.met.length && other.met.every(condition => claim.met.includes(condition))
}

const label = (plugin: { readonly package: string; readonly version: string }): string => `${plugin.package}@${plugin.version}`

/** The error that helps most, nearest miss first. */
function nothingClaims(discovery: Discovery, checkpoint: Checkpoint, judged: readonly Judged[]): Error {
  const { plugins, skipped } = discovery
  const where = checkpoint.location
  const { model_type: modelType, architectures: declared } = checkpoint.config
  if (typeof modelType !== 'string') {
    const weights = checkpoint.tensorNames.slice(0, 3)
    const facts = { where, weights: checkpoint.tensorNames.length > 3 ? [...weights, '…'] : weights, plugins: plugins.map(label) }
    if (!checkpoint.has('config.json')) return errors.E_NO_CONFIG(facts)
    return errors.E_NO_MODEL_TYPE({ ...facts, architectures: Array.isArray(declared) ? declared.map(String) : [] })
  }
  const name = modelType
  const newer = skipped.find(({ apiVersion, modelTypes }) => apiVersion !== undefined && modelTypes.includes(name))
  if (newer) return errors.E_PLUGIN_API({ plugin: label(newer), wants: newer.apiVersion ?? 0, has: API_VERSION, where: newer.root })
  const broken = skipped.find(({ modelTypes }) => modelTypes.includes(name))
  if (broken) return errors.E_PLUGIN_INVALID({ plugin: label(broken), problem: broken.reason, where: broken.root })
  const near = judged.find(claim => claim.modelType === name)
  if (near) {
    const { plugin, architectures, unmet } = near
    const [architecture] = Array.isArray(declared) ? declared : []
    if (typeof architecture !== 'string' || architectures.length === 0 || architectures.includes(architecture))
      return errors.E_CLAIM_UNMET({ modelType: name, plugin: plugin.package, unmet, where })
    return errors.E_ARCHITECTURE({ modelType: name, architecture, plugin: plugin.package, claimed: architectures, where })
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
