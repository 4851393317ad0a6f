import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
    root: resolvedFolder(folder),
    name: typeof name === 'string' ? name : folder,
    version: typeof version === 'string' ? version : '0.0.0',
    keywords: textsOf(keywords),
    json,
  }
}

/**
 * A package's folder, links resolved: one that is linked twice is one. Under Plug'n'Play folders are no links but stand for a package with
 * the peers that it got; what such a path leads to is a package without them.
 */
const resolvedFolder = (folder: string): string => (process.versions.pnp === undefined ? realpathSync(folder) : folder)

/** The folder of this package: of silane itself, whatever linked to it. */
export const ownFolder = dirname(dirname(dirname(resolvedFolder(fileURLToPath(import.meta.url)))))

/** The folder and those above it, up to the root. */
export function* upward(folder: string): Generator<string> {
  for (let at = folder, last = ''; at !== last; last = at, at = dirname(at)) yield at
}

/** Names of files that hold weights or programs, whoever wrote them, and of the folders that Core ML has for them. */
const MODEL_FILE =
  /\.(?:safetensors|gguf|ggml|ckpt|pth?|h5|msgpack|onnx|onnx_data|tflite|mlpackage|mlmodelc?|aimodel)$|^(?:pytorch|tf|flax|adapter)_model.*\.bin$/i

/** Names of files that models are published with, beside others: those of a repository whose weights are in folders below, too. */
const MODEL_PAPERS: ReadonlySet<string> = new Set([
  'adapter_config.json',
  'config_sentence_transformers.json',
  'generation_config.json',
  'model_index.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer_config.json',
])

/**
 * Whether a folder is a checkpoint or a conversion, as far as can be told at a glance. A file of weights that lies about somewhere, in a
 * home folder say, makes no model of all that is below it: alone it tells only of folders that code would be taken from.
 */
function holdsModel(folder: string, asked: boolean): boolean {
  try {
    const names = readdirSync(folder)
    if (names.includes('silane.json')) return true
    const offers = asked || names.includes('package.json') || names.includes('node_modules')
    if (offers && names.some(name => MODEL_FILE.test(name) || MODEL_PAPERS.has(name))) return true
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
 * names as such, whatever it holds. Of a file or a package that is named, `folder` is one too where it lies below: how much around it was
 * downloaded nobody can say, and no plugin is needed to look at one. Undefined where nothing is above.
 */
export function codeFolder(folder: string, models: readonly string[] = []): string | undefined {
  const start = realPath(folder)
  const around = (model: string): string => (isWithin(model, start) ? start : dirname(model))
  const named = new Set(models.map(realPath).flatMap(model => (MODEL_FILE.test(model) ? [model, around(model)] : [model])))
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

/** The names that a package.json lists under these keys. */
export const dependencyNames = (
  json: PackageFile['json'],
  keys: readonly string[] = ['dependencies', 'devDependencies', 'optionalDependencies'],
): readonly string[] =>
  keys.flatMap(key => {
    const block = json[key]
    return isRecord(block) ? Object.keys(block) : []
  })

/** What a package may be called: a name out of a package.json goes into paths. */
const NAME = /^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*$/

/**
 * An installed package by name, where an import from a folder finds it: by Node's rule for modules (nodejs.org/api/esm.html, PACKAGE_RESOLVE),
 * links followed, or where Plug'n'Play says. NODE_PATH counts as little as there: pnpm's commands set it to all that anything depends on.
 * Whether a package exports its package.json makes no difference. Undefined where it is not installed.
 */
export function installedPackage(name: string, from: string): PackageFile | undefined {
  if (!NAME.test(name)) return undefined
  const table = plugAndPlay(from)
  if (table) {
    const folder = attempt(() => table.resolveToUnqualified(name, `${from}/`, { considerBuiltins: false }))
    return folder ? readPackage(folder.replace(/[\\/]$/, '')) : undefined
  }
  for (const folder of upward(from)) {
    const found = readPackage(join(folder, 'node_modules', name))
    if (found) return found
  }
  return undefined
}

/** The package.json of the project that a package is installed in, where Plug'n'Play tells: its archives stand anywhere. */
export function plugAndPlayProject(from: string): PackageFile | undefined {
  const table = plugAndPlay(from)
  const found = table && attempt(() => table.getPackageInformation({ name: null, reference: null }))
  return found ? readPackage(found.packageLocation) : undefined
}

/** As far as yarn's and pnpm's table of packages is asked (yarnpkg.com/advanced/pnpapi). */
interface PlugAndPlay {
  readonly resolveToUnqualified: (request: string, issuer: string, options: { readonly considerBuiltins: boolean }) => string | null
  readonly getPackageInformation: (
    locator: Readonly<Record<'name' | 'reference', null>>,
  ) => { readonly packageLocation: string } | null | undefined
}

/** The table for a folder, in a process that was started with one. */
function plugAndPlay(from: string): PlugAndPlay | undefined {
  if (process.versions.pnp === undefined || !('findPnpApi' in module) || typeof module.findPnpApi !== 'function') return undefined
  const find: (place: string) => PlugAndPlay | null = module.findPnpApi.bind(module)
  return attempt(() => find(`${from}/`)) ?? undefined
}

/** What a table throws for a package that it does not have, or that the asker does not list. */
function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
