import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Json } from '@silane/core'

/** A package.json, as far as it is looked at. */
export interface PackageFile {
  /** Its path. */
  readonly file: string
  /** The folder of the package, links resolved. */
  readonly root: string
  readonly name: string
  readonly version: string
  readonly keywords: readonly string[]
  readonly json: { readonly [key: string]: Json }
}

export const isRecord = (value: unknown): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The strings of a list, of anything. */
export const textsOf = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []

/** The largest package.json in use has some 100 kB, config.json likewise. */
const MAX_BYTES = 4_000_000

/** The value in a file that is looked at before anything is known of it; undefined where it is none, or more than such a file holds. */
function smallJson(file: string): unknown {
  try {
    const stat = statSync(file)
    // A pipe or a device under that name would be read for ever.
    return stat.isFile() && stat.size <= MAX_BYTES ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  } catch {
    return undefined
  }
}

/** Reads the package.json of a folder; undefined where there is none or it is not one. */
export function readPackage(folder: string): PackageFile | undefined {
  const file = join(folder, 'package.json')
  const json = smallJson(file)
  if (!isRecord(json)) return undefined
  const { name, version, keywords } = json
  return {
    file,
    root: realpathSync(folder),
    name: typeof name === 'string' ? name : folder,
    version: typeof version === 'string' ? version : '0.0.0',
    keywords: textsOf(keywords),
    json,
  }
}

/** The folder and those above it, up to the root. */
function* upward(folder: string): Generator<string> {
  for (let at = folder, last = ''; at !== last; last = at, at = dirname(at)) yield at
}

/** Names of files that hold weights. */
const WEIGHTS = /\.(?:safetensors|ckpt|pth)$|^pytorch_model.*\.bin$/

/**
 * Whether a folder is a checkpoint or a conversion, as far as can be told at a glance. A file of weights that lies about somewhere, in a
 * home folder say, makes no model of all that is below it: alone it tells only of folders that code would be taken from.
 */
function holdsModel(folder: string, asked: boolean): boolean {
  try {
    const names = readdirSync(folder)
    if (names.includes('silane.json')) return true
    const offers = asked || names.includes('package.json') || names.includes('node_modules')
    if (offers && names.some(name => WEIGHTS.test(name))) return true
    if (!names.includes('config.json')) return false
    const config = smallJson(join(folder, 'config.json'))
    return isRecord(config) && (config.model_type !== undefined || config.architectures !== undefined)
  } catch {
    return false
  }
}

/**
 * Where code may be looked for from a folder: there and above, unless it lies in a model's folder, which was downloaded as a rule and
 * is data whatever else it holds: then above that. A model's folder is one that looks like it, and each of `models`, which a command
 * names as such, whatever it holds. Undefined where nothing is above.
 */
export function codeFolder(folder: string, models: readonly string[] = []): string | undefined {
  const start = realPath(folder)
  const named = new Set(models.map(realPath))
  let from: string | undefined = start
  for (const at of upward(start)) if (named.has(at) || holdsModel(at, at === start)) from = dirname(at) === at ? undefined : dirname(at)
  return from
}

/** Whether a folder is another one or inside it, links resolved. */
export function isWithin(folder: string, other: string): boolean {
  const outer = realPath(other)
  return [...upward(realPath(folder))].some(at => at === outer)
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

/** The nearest package.json at or above a folder. */
export function nearestPackage(folder: string): PackageFile | undefined {
  for (const at of upward(folder)) {
    const found = readPackage(at)
    if (found) return found
  }
  return undefined
}

/** An installed package by name, as Node finds it from a folder: in the node_modules of the folder or of one above it. */
export function installedPackage(name: string, from: string): PackageFile | undefined {
  for (const at of upward(from)) {
    const folder = join(at, 'node_modules', name)
    if (existsSync(join(folder, 'package.json'))) return readPackage(folder)
  }
  return undefined
}
