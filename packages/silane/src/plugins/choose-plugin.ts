import { API_VERSION, type Checkpoint, type SilaneError } from '@silane/core'
import { errors } from '../errors.ts'
import type { Discovery, FoundPlugin, SkippedPlugin } from './discover-plugins.ts'
import { installedPackage, ownFolder } from './find-package.ts'
import { type KnownPlugin, knownPlugins } from './known-plugins.ts'
import { type ClaimMatch, evidence, type GivenOptions, matchClaim } from './match-claim.ts'
import type { PackageManager } from './package-manager.ts'
import type { Claim } from './plugin-manifest.ts'

/** The plugin for a checkpoint and the conditions that decided it. */
export interface Choice {
  readonly plugin: FoundPlugin
  readonly because: readonly string[]
  /** Said when another plugin of ours that is not installed fits better. */
  readonly note?: string
}

interface Judged<P> extends ClaimMatch {
  readonly plugin: P
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
  const judged = discovery.plugins.flatMap(plugin => judge(plugin, plugin.manifest.claims, checkpoint, options))
  const holding = best(judged)
  const known = knownPlugins.flatMap(plugin => judge(plugin, plugin.claims, checkpoint, options))
  const [first] = holding
  if (first) {
    const equal = holding.filter(other => other.plugin !== first.plugin && !isBetter(first, other))
    if (equal.length === 0) return { plugin: first.plugin, because: first.met, ...noteOf(discovery, first, best(known)[0]) }
    const named = [...new Set([first, ...equal].map(({ plugin }) => plugin))].map(label)
    const because = first.met.filter(condition => equal.every(({ met }) => met.includes(condition)))
    throw errors.E_PLUGIN_AMBIGUOUS({ plugins: named, because: because.length > 0 ? because : first.met, where: checkpoint.location })
  }
  const [only, ...others] = discovery.plugins
  if (discovery.byHand && only && others.length === 0) return { plugin: only, because: ['chosen by --plugin'] }
  throw nothingClaims(discovery, checkpoint, judged, claimants(discovery, known))
}

const judge = <P>(plugin: P, claims: readonly Claim[], checkpoint: Checkpoint, options: GivenOptions): Judged<P>[] =>
  claims.map(claim => ({
    plugin,
    modelType: claim.modelType,
    architectures: claim.architectures ?? [],
    ...matchClaim(claim, checkpoint, options),
  }))

/** The claims that hold, the best first. */
const best = <P>(judged: readonly Judged<P>[]): readonly Judged<P>[] =>
  judged
    .filter(({ unmet }) => unmet.length === 0)
    .sort((a, b) => sureness(b) - sureness(a) || b.met.length - a.met.length || Number(b.plain) - Number(a.plain))

/** That a plugin which is not installed is made for what the chosen one claims in passing. */
function noteOf(discovery: Discovery, chosen: Judged<FoundPlugin>, known: Judged<KnownPlugin> | undefined): { readonly note?: string } {
  const { plugins, skipped, byHand, manager } = discovery
  if (!known || byHand || !isBetter(known, chosen)) return {}
  const { package: name } = known.plugin
  if ([...plugins, ...skipped].some(plugin => plugin.package === name)) return {}
  const more = known.met.filter(condition => !chosen.met.includes(condition))
  return { note: `${name} is made for this checkpoint (${more.join(', ')}) and is not installed: ${manager.add(name)}` }
}

/** What to do for a checkpoint that a plugin of ours claims which was not found. */
interface Claimants {
  /** The command that installs it; where several claim it with equal right, one for each. */
  readonly install: readonly string[]
  /** Its id, where it is installed and nothing lists it. */
  readonly unlisted: string | undefined
}

function claimants({ plugins, skipped, missing, manager }: Discovery, known: readonly Judged<KnownPlugin>[]): Claimants {
  const seen = new Set([...plugins, ...skipped].map(plugin => plugin.package))
  const holding = best(known).filter(({ plugin }) => !seen.has(plugin.package))
  const [first] = holding
  if (!first) return { install: [], unlisted: undefined }
  if (installedPackage(first.plugin.package, ownFolder)) return { install: [], unlisted: first.plugin.id }
  const equal = new Set(holding.filter(other => other === first || !isBetter(first, other)).map(({ plugin }) => plugin.package))
  const isListed = (name: string) => missing.some(({ package: listed }) => listed === name)
  return { install: [...equal].map(name => (isListed(name) ? manager.install() : manager.add(name))), unlisted: undefined }
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
function nothingClaims(discovery: Discovery, checkpoint: Checkpoint, judged: readonly Judged<FoundPlugin>[], help: Claimants): Error {
  const { plugins, skipped, manager } = discovery
  const where = checkpoint.location
  const { model_type: modelType, architectures: declared } = checkpoint.config
  if (typeof modelType !== 'string') {
    const weights = checkpoint.tensorNames.slice(0, 3)
    const facts = {
      where,
      weights: checkpoint.tensorNames.length > 3 ? [...weights, '…'] : weights,
      plugins: plugins.map(label),
      ...help,
    }
    if (!checkpoint.has('config.json')) return errors.E_NO_CONFIG(facts)
    return errors.E_NO_MODEL_TYPE({ ...facts, architectures: Array.isArray(declared) ? declared.map(String) : [] })
  }
  const other = skipped.find(({ modelTypes }) => modelTypes.includes(modelType))
  if (other) return skippedError(other, manager)
  const near = judged.find(claim => claim.modelType === modelType)
  if (near) {
    const { plugin, architectures, unmet } = near
    const [architecture] = Array.isArray(declared) ? declared : []
    if (typeof architecture !== 'string' || architectures.length === 0 || architectures.includes(architecture))
      return errors.E_CLAIM_UNMET({ modelType, plugin: plugin.package, unmet, where, ...help })
    return errors.E_ARCHITECTURE({ modelType, architecture, plugin: plugin.package, claimed: architectures, where, ...help })
  }
  const seen = [...plugins.map(label), ...skipped.map(plugin => `${label(plugin)} (skipped: ${plugin.reason})`)]
  return errors.E_MODEL_TYPE({ modelType, where: [where, ...discovery.looked].join(', '), plugins: seen, ...help })
}

/** Why a plugin was skipped, as an error. */
export function skippedError(skipped: SkippedPlugin, manager: PackageManager): SilaneError {
  const { apiVersion: wants, root: where, reason: problem } = skipped
  const plugin = label(skipped)
  const latest = manager.add(`${skipped.package}@latest`)
  if (wants === undefined) return errors.E_PLUGIN_INVALID({ plugin, problem, where, update: latest })
  if (wants < API_VERSION) return errors.E_PLUGIN_API_OLD({ plugin, wants, has: API_VERSION, where, update: latest })
  return errors.E_PLUGIN_API({ plugin, wants, has: API_VERSION, where, update: manager.add('silane@latest') })
}
