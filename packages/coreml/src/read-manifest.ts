import { realpathSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { isSilaneError, type Json, parseJson } from '@silane/core'
import { errors } from './errors.ts'
import type { Journal } from './journal.ts'
import { MAX_MANIFEST_BYTES } from './limits.ts'
import { AUTHOR } from './manifest.ts'

export interface PackageLayout {
  /** The package's real path: nothing is read outside it. */
  readonly root: string
  /** Of the model file, checked to be inside `root`. */
  readonly modelPath: string
  readonly modelBytes: number
  /** The manifest's identifier of the weights, or of the model where there are none: tells packages apart. */
  readonly identity: string
}

/** Reads Manifest.json and finds the model. Undefined after an error that the journal did not throw. */
export async function readManifest(path: string, journal: Journal): Promise<PackageLayout | undefined> {
  const folder = await stat(path).catch(() => undefined)
  if (!folder?.isDirectory()) return journal.error(errors.E_PACKAGE({ path, problem: folder ? 'is not a folder' : 'does not exist' }))
  const root = await realpath(path)
  const where = join(path, 'Manifest.json')
  const fail = (problem: string): undefined => journal.error(errors.E_PACKAGE_MANIFEST({ where, problem }))

  const bytes = await readBounded(root, where)
  if (!(bytes instanceof Uint8Array)) return fail(bytes.problem)
  const { manifest, problem } = parse(bytes, path)
  if (problem !== undefined) return fail(problem)
  if (!isRecord(manifest)) return fail('it is not a JSON object')
  if (manifest.fileFormatVersion !== '1.0.0') fail(`fileFormatVersion is ${JSON.stringify(manifest.fileFormatVersion)}, not "1.0.0"`)
  const { itemInfoEntries: items, rootModelIdentifier: rootId } = manifest
  if (!isRecord(items) || Object.keys(items).length === 0) return fail('itemInfoEntries is missing or empty')
  if (typeof rootId !== 'string' || !Object.hasOwn(items, rootId)) return fail('rootModelIdentifier names no item')

  let modelPath: string | undefined
  let identity = rootId
  const owners = new Set<string>()
  for (const [id, item] of Object.entries(items)) {
    if (!isItem(item)) {
      fail(`item ${id} lacks one of author, description, name and path`)
      continue
    }
    const owner = `${item.author}/${item.name}`
    if (owners.has(owner)) fail(`two items are called ${owner}`)
    owners.add(owner)
    const real = inside(join(root, 'Data'), item.path, root)
    if (real.problem !== undefined) journal.error(errors.E_MANIFEST_PATH({ where, path: item.path, problem: real.problem }))
    else if (id === rootId) modelPath = real.path
    if (item.name === 'weights' && item.author === AUTHOR) identity = id
  }
  if (modelPath === undefined) return undefined
  const model = await stat(modelPath)
  if (!model.isFile()) return fail('the root model is not a file')
  return { root, modelPath, modelBytes: model.size, identity }
}

/** Resolves a path from a file against a folder. It must exist, and neither its text nor a link may lead out of `root`. */
export function inside(
  folder: string,
  path: string,
  root: string,
): { path: string; problem?: undefined } | { path?: undefined; problem: string } {
  const parts = path.split('/')
  if (parts.some(part => part === '' || part === '.' || part === '..' || /[\\\0]/.test(part)))
    return { problem: 'is not a plain relative path' }
  try {
    const real = realpathSync.native(join(folder, ...parts))
    return real.startsWith(root + sep) ? { path: real } : { problem: 'leads out of the package' }
  } catch {
    return { problem: 'does not exist' }
  }
}

async function readBounded(root: string, where: string): Promise<Uint8Array | { problem: string }> {
  const found = inside(root, 'Manifest.json', root)
  if (found.problem !== undefined) return { problem: `it ${found.problem}` }
  const stats = await stat(found.path)
  if (!stats.isFile()) return { problem: 'it is not a file' }
  if (stats.size > MAX_MANIFEST_BYTES) return { problem: `it has ${stats.size} bytes; the limit is ${MAX_MANIFEST_BYTES}` }
  return await readFile(found.path).catch((error: unknown) => ({ problem: `${where} cannot be read: ${String(error)}` }))
}

function parse(bytes: Uint8Array, where: string): { readonly manifest?: Json; readonly problem?: string } {
  try {
    return { manifest: parseJson(bytes, { file: 'Manifest.json', where }) }
  } catch (cause) {
    if (!isSilaneError(cause)) throw cause
    return { problem: cause.what.replace(/\.$/, '') }
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const isItem = (value: unknown): value is { author: string; description: string; name: string; path: string } =>
  isRecord(value) && ['author', 'description', 'name', 'path'].every(key => typeof value[key] === 'string')
