import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Json, PluginContract, PluginRewrite } from '@silane/core'
import { errors } from '../errors.ts'
import { thrownText } from '../thrown.ts'
import type { FoundPlugin } from './discover-plugins.ts'
import { isRecord, isWithin } from './find-package.ts'
import { checkedFigures, checkedReport, checkedRules, pluginProblem } from './plugin-shapes.ts'
import { type RunningPlugin, runningPlugin, runPlugin, runsNow } from './run-plugin.ts'

/**
 * Imports a plugin's code, `exports["."]` of its package, and checks that it is what its package.json says. What it does later runs
 * under its name too: a throw of it is E_PLUGIN_FAILED.
 */
export async function loadPlugin(found: FoundPlugin): Promise<PluginContract> {
  const running = runningPlugin(found)
  const { name } = running
  const invalid = (problem: string) => errors.E_PLUGIN_INVALID({ plugin: name, problem, where: found.root })
  const entry = entryOf(found.json)
  if (entry === undefined) throw invalid('its package.json has no exports["."]')
  if (!isWithin(join(found.root, entry), found.root)) throw invalid(`its entry ${entry} is outside of its folder`)
  const file = join(found.root, entry)
  const imported = await runPlugin({ plugin: running, doing: 'its import' }, async () => {
    let module: unknown
    try {
      // Node would say that this file cannot find it.
      if (!existsSync(file)) throw new Error(`there is no ${entry}`)
      module = await import(pathToFileURL(file).href)
    } catch (cause) {
      const problem = thrownText(cause).split('\n')[0] ?? ''
      throw errors.E_PLUGIN_LOAD({ plugin: name, problem, where: file }, { cause })
    }
    const plugin = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
    return isPlugin(plugin) ? plugin : undefined
  })
  if (!imported) throw invalid('its default export has not id, tasks and load, which definePlugin makes sure of')
  const problem = pluginProblem(imported)
  if (problem !== undefined) throw invalid(problem)
  if (imported.id !== found.manifest.id) throw invalid(`its code says id "${imported.id}", its package.json "${found.manifest.id}"`)
  return underItsName(imported, running)
}

function underItsName(plugin: PluginContract, running: RunningPlugin): PluginContract {
  const { rewrite, validate, benchmark } = plugin
  return {
    ...plugin,
    // Where it is an instance of a class, these stand on the prototype, which is not spread.
    id: plugin.id,
    tasks: plugin.tasks,
    load: request => plugin.load(request),
    ...(rewrite && { rewrite: target => rewriteUnderItsName(() => rewrite.call(plugin, target), running) }),
    // These run models, which takes as long as it takes.
    ...(validate && {
      validate: (stages, runtime) =>
        runPlugin({ plugin: running, doing: 'its validate', bounded: false }, async () =>
          checkedReport(await validate.call(plugin, stages, runtime)),
        ),
    }),
    ...(benchmark && {
      benchmark: deployed =>
        runPlugin({ plugin: running, doing: 'its benchmark', bounded: false }, async () =>
          checkedFigures(await benchmark.call(plugin, deployed)),
        ),
    }),
  }
}

/** The rules are code of the plugin too, and run after its rewrite has come back. */
function rewriteUnderItsName(rewrite: () => PluginRewrite | undefined, running: RunningPlugin): PluginRewrite {
  const run = runsNow({ plugin: running, doing: 'its rewrite' })
  const rules = run(() => checkedRules(rewrite()))
  return {
    rules: rules.map(rule => ({
      name: rule.name,
      why: rule.why,
      on: rule.on,
      rewrite: (op, builder) => run(() => rule.rewrite(op, builder)),
    })),
  }
}

/** Of a plugin that another copy of the core typed, only the shape can be told. */
const isPlugin = (value: unknown): value is PluginContract =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  'load' in value &&
  typeof value.load === 'function' &&
  'tasks' in value &&
  isRecord(value.tasks)

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
