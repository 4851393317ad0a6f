import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { openCheckpoint } from '@silane/checkpoint'
import { isJsonObject, isSilaneError, type Json, type JsonObject, type PluginContract, verifyProgram } from '@silane/core'
import { loadRequest, type ModelOptions } from 'silane'
import type { FixtureCase } from './read-cases.ts'

/**
 * What each key is set to first. A key that may be all of these is taken for one that nobody reads, and gets no more: no reading of a
 * number, a text, a switch or a table takes all five. Files of transformers have many such keys: a configuration that holds three models
 * has some 200, and with all eleven values each its suite does not end within the minute that a test has.
 */
const PROBES: readonly Json[] = [-1, 1e39, 'x', [], {}]

/** What the others are set to besides: more than the weights have, far out of range, between whole numbers, nothing. */
const MORE: readonly Json[] = [1000, 1e9, 0, 0.5, null, true]

/** The exit code of bad input. */
const REFUSED = 2

/** Processor time of one load in milliseconds: what a value costs, whatever else the machine does. */
const MAX_MILLISECONDS = 2000

const spent = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** A key and those of the sections that it stands in, from the outside: `text_config`, `hidden_size`. */
type Way = readonly string[]

/** Every key, those of nested sections included. */
const waysOf = (config: JsonObject): readonly Way[] =>
  Object.entries(config).flatMap(([key, own]): readonly Way[] => [
    [key],
    ...(isJsonObject(own) ? waysOf(own).map(inner => [key, ...inner]) : []),
  ])

/** The configuration with another value for a key, or for one that it lacks. */
function changed(config: JsonObject, [key, ...inner]: Way, value: Json): JsonObject {
  if (key === undefined) return config
  const own = config[key] ?? {}
  return { ...config, [key]: inner.length > 0 && isJsonObject(own) ? changed(own, inner, value) : value }
}

/** A section of a configuration that tells which keys it is asked for. */
function listening(section: JsonObject, onAsked: (way: Way) => void, above: Way = []): JsonObject {
  const asked = (key: string | symbol): void => {
    if (typeof key === 'string') onAsked([...above, key])
  }
  return new Proxy(section, {
    get: (target, key) => {
      asked(key)
      if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return Reflect.get(target, key)
      const value = target[key]
      return value !== undefined && isJsonObject(value) ? listening(value, onAsked, [...above, key]) : value
    },
    has: (target, key) => {
      asked(key)
      return Reflect.has(target, key)
    },
    getOwnPropertyDescriptor: (target, key) => {
      asked(key)
      return Reflect.getOwnPropertyDescriptor(target, key)
    },
  })
}

/** The fixture whose config.json says most. */
export function withMostSettings(cases: readonly FixtureCase[]): FixtureCase | undefined {
  const length = ({ folder }: FixtureCase): number => statSync(join(folder, 'config.json'), { throwIfNoEntry: false })?.size ?? 0
  const [most] = cases.filter(fixture => length(fixture) > 0).toSorted((a, b) => length(b) - length(a))
  return most
}

/**
 * Loads a fixture once with each key of its config.json, and each that it lacks and the plugin asks for, set to each of some hostile
 * values, and lists what went wrong: an error that is no refusal with a code and exit code 2, or a load that took too long. A model that
 * loads is right: the value may be one.
 */
export async function hostileConfigurations(plugin: PluginContract, options: ModelOptions): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'silane-hostile-'))
  try {
    // Golden files are no part of a checkpoint.
    cpSync(options.model, folder, {
      recursive: true,
      dereference: true,
      filter: file => !/^(?:golden\..*|case\.json)$/.test(basename(file)),
    })
    const file = join(folder, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as JsonObject
    const found: string[] = []
    const ways = new Map(waysOf(config).map(way => [way.join('.'), way]))
    await load(plugin, { ...options, model: folder }, way => void ways.set(way.join('.'), way))
    for (const [key, way] of ways) {
      /** Whether the model loads with a value. */
      const loads = async (value: Json): Promise<boolean> => {
        writeFileSync(file, JSON.stringify(changed(config, way, value)))
        const start = spent()
        const { end, problem } = await load(plugin, { ...options, model: folder })
        const took = spent() - start
        const change = `${key} = ${JSON.stringify(value)}`
        if (problem !== undefined) found.push(`${change}: ${problem}`)
        if (took > MAX_MILLISECONDS) found.push(`${change}: took ${Math.round(took)} ms`)
        return end === 'loaded'
      }
      let unread = true
      for (const value of PROBES) unread = (await loads(value)) && unread
      if (!unread) for (const value of MORE) await loads(value)
    }
    return found
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface LoadEnd {
  readonly end: 'loaded' | 'failed'
  /** Where it is no refusal. */
  readonly problem?: string
}

async function load(plugin: PluginContract, options: ModelOptions, onAsked: (way: Way) => void = () => {}): Promise<LoadEnd> {
  try {
    const checkpoint = await openCheckpoint(options.model)
    try {
      if (checkpoint.refusal) throw checkpoint.refusal
      const config = listening(checkpoint.config, onAsked)
      const { programs } = await plugin.load(loadRequest({ ...checkpoint, config }, plugin, options))
      for (const program of programs) verifyProgram(program, 'load')
      return { end: 'loaded' }
    } finally {
      checkpoint.close()
    }
  } catch (error) {
    if (!isSilaneError(error)) {
      const problem = error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ') : String(error)
      return { end: 'failed', problem }
    }
    if (error.exitCode === REFUSED) return { end: 'failed' }
    return { end: 'failed', problem: `${error.code}, exit code ${error.exitCode}: ${error.what}` }
  }
}
