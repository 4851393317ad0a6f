import { realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { isSilaneError } from '@silane/core'
import { errors } from './errors.ts'

/** Bytes of a file that is copied. The largest tokenizer.json in use has 35 MB, a model of SentencePiece 5 MB. */
export const MAX_FILE_BYTES = 256_000_000

/** Which file of a folder, and how messages call the folder. */
export interface FolderFile {
  readonly file: string
  readonly where: string
}

/** What is looked for, and how much of it is read at most. */
export interface FolderFileOptions {
  readonly kind?: 'file' | 'folder'
  /** Bytes. Default: as many as there are, which is right for weights alone. */
  readonly limit?: number
}

/**
 * The path of a file of a folder. A file of a folder lies in it, or where the cache of the hub keeps the files of a snapshot; it is a
 * regular file, and no larger than `limit`. One rule for whatever is listed, read and copied: a checkpoint that a stranger packed may hold
 * a link to a file of whoever unpacks it, a pipe that is waited for, or a device without an end.
 * Throws E_FILE_LINK, E_FILE_READ and E_FILE_SIZE.
 */
export function folderFile(root: string, { file, where }: FolderFile, options: FolderFileOptions = {}): string {
  const { kind = 'file', limit = Number.POSITIVE_INFINITY } = options
  const path = join(root, file)
  try {
    const real = realpathSync.native(path)
    if (!placesOf(root).some(place => within(real, place))) throw errors.E_FILE_LINK({ file, target: real, where })
    const found = statSync(real)
    if (!isKind(found, kind)) throw new Error(kind === 'file' ? 'it is not a regular file' : 'it is not a folder')
    if (kind === 'file' && found.size > limit) throw errors.E_FILE_SIZE({ file, size: found.size, limit, where })
    return path
  } catch (cause) {
    if (isSilaneError(cause)) throw cause
    throw errors.E_FILE_READ({ file, problem: cause instanceof Error ? cause.message : String(cause), where }, { cause })
  }
}

const isKind = (found: Stats, kind: 'file' | 'folder'): boolean => (kind === 'file' ? found.isFile() : found.isDirectory())

/** Whether what a name of a folder stands for lies in it; false for links that lead nowhere. */
export function staysInside(root: string, name: string): boolean {
  try {
    const real = realpathSync.native(join(root, name))
    return placesOf(root).some(place => within(real, place))
  } catch {
    return false
  }
}

/** A commit, as the hub names the folders of its cache: `snapshots/<commit>`, and what is in it, has links into `blobs` beside `snapshots`. */
const COMMIT = /^[0-9a-f]{40}$/

/** Where the files of a folder may lie, links resolved. */
function placesOf(root: string): readonly string[] {
  const real = realpathSync.native(root)
  const snapshot = upward(real).find(folder => COMMIT.test(basename(folder)) && basename(dirname(folder)) === 'snapshots')
  if (snapshot === undefined) return [real]
  try {
    return [real, realpathSync.native(join(snapshot, '../../blobs'))]
  } catch {
    return [real]
  }
}

/** A folder and those that it is in, the nearest first. */
const upward = (folder: string): readonly string[] => (dirname(folder) === folder ? [folder] : [folder, ...upward(dirname(folder))])

const within = (path: string, place: string): boolean => path === place || path.startsWith(place.endsWith(sep) ? place : place + sep)
