import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Json, PluginContract } from '@silane/core'
import { errors } from '../errors.ts'
import type { FoundPlugin } from './discover-plugins.ts'
import { isRecord } from './find-package.ts'

/** Imports a plugin's code, `exports["."]` of its package, and checks that it is what its package.json says. */
export async function loadPlugin(found: FoundPlugin): Promise<PluginContract> {
  const name = `${found.package}@${found.version}`
  const invalid = (problem: string) => errors.E_PLUGIN_INVALID({ plugin: name, problem, where: found.root })
  const entry = entryOf(found.json)
  if (entry === undefined) throw invalid('its package.json has no exports["."]')
  let module: unknown
  try {
    module = await import(pathToFileURL(join(found.root, entry)).href)
  } catch (cause) {
    const problem = cause instanceof Error ? (cause.message.split('\n')[0] ?? cause.message) : String(cause)
    throw errors.E_PLUGIN_LOAD({ plugin: name, problem, where: join(found.root, entry) }, { cause })
  }
  const plugin = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (!isPlugin(plugin)) throw invalid('its default export has no id and load, which definePlugin makes sure of')
  if (plugin.id !== found.manifest.id) throw invalid(`its code says id "${plugin.id}", its package.json "${found.manifest.id}"`)
  return plugin
}

/** Of a plugin that another copy of the core typed, only the shape can be told. */
const isPlugin = (value: unknown): value is PluginContract =>
  typeof value === 'object' && value !== null && 'id' in value && 'load' in value && typeof value.load === 'function'

const CONDITIONS = ['node', 'import', 'module-sync', 'default']

function entryOf(json: FoundPlugin['json']): string | undefined {
  const { exports, main } = json
  const root = isRecord(exports) && '.' in exports ? exports['.'] : exports
  return resolveConditions(root) ?? (typeof main === 'string' ? main : undefined)
}

/** The first target whose conditions hold, as Node chooses it for an import. */
function resolveConditions(target: Json | undefined): string | undefined {
  if (typeof target === 'string') return target
  if (!isRecord(target)) return undefined
  for (const [condition, value] of Object.entries(target)) {
    const found = CONDITIONS.includes(condition) ? resolveConditions(value) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
