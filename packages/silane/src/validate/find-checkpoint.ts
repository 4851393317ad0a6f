import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { folderFile } from '@silane/checkpoint'
import { hashFiles } from '../convert/hash-files.ts'
import type { Manifest } from '../manifest.ts'

/** Folders that are looked at in one place. */
const MAX_FOLDERS = 1000

export interface FindOptions {
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The local folder that a converted `folder` was made from, where it is still near: the working directory or a folder in it, or one beside
 * the converted folder. First those of the recorded name, then all with a config.json. One is taken where every file that was read has the
 * recorded size and sha256; undefined where none is. Nothing is written.
 */
export async function findCheckpoint(folder: string, { model }: Manifest, { cwd = '.', signal }: FindOptions): Promise<string | undefined> {
  if (model.files.length === 0) return undefined
  const places = [...new Set([resolve(cwd), dirname(folder)])]
  const named = places.map(place => join(place, basename(model.id)))
  const others = places.flatMap(place => [place, ...foldersIn(place)]).filter(path => isFile(join(path, 'config.json')))
  for (const path of new Set([...named, ...others])) {
    signal?.throwIfAborted()
    if (path !== folder && hasSizes(path, model.files) && (await hasHashes(path, model.files, signal))) return path
  }
  return undefined
}

type Files = Manifest['model']['files']

/** Checked first, and for one file after the other: of most folders this is all that is looked at. */
const hasSizes = (root: string, files: Files): boolean =>
  files.every(({ path, bytes }) => {
    const found = placeOf(root, path)
    return found !== undefined && statSync(found, { throwIfNoEntry: false })?.size === bytes
  })

async function hasHashes(root: string, files: Files, signal: AbortSignal | undefined): Promise<boolean> {
  const wanted = new Map(files.map(({ path, sha256 }) => [path, sha256]))
  const hashes = await hashFiles([...wanted.keys()], name => join(root, name), signal)
  return hashes.every(({ path, sha256 }) => wanted.get(path) === sha256)
}

/** The path of a file; undefined where it is not there, or the name or a link leads out of the folder. */
function placeOf(root: string, file: string): string | undefined {
  try {
    return folderFile(root, { file, where: root })
  } catch {
    return undefined
  }
}

function foldersIn(place: string): readonly string[] {
  try {
    const entries = readdirSync(place, { withFileTypes: true })
    const names = entries
      .filter(entry => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
      .map(({ name }) => name)
    return names
      .sort()
      .slice(0, MAX_FOLDERS)
      .map(name => join(place, name))
  } catch {
    // A place that cannot be read has nothing to find.
    return []
  }
}

const isFile = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  } catch {
    return false
  }
}
