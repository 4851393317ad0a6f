import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isSilaneError } from '@silane/core'
import { errors } from './errors.ts'
import { staysInside } from './folder-file.ts'

/** A folder with more files than this is a home folder or a disk, not a checkpoint. */
const MAX_FILES = 50_000

/** Names that stand for a file, whatever has them: a folder that has one is said where the file is wanted, and not taken for a lack of it. */
const FILE_NAME = /\.(?:json|txt|model|safetensors)$/

/**
 * The files of a folder and of the folders in it, sorted. Hidden ones are left out: `.git` and `.cache` hold none of the checkpoint.
 * What is no regular file, or a link that leads out, has its name here: `folderFile` refuses it where it is wanted.
 */
export function listFiles(root: string, where: string): string[] {
  const files: string[] = []
  const list = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const { name } = entry
      if (name.startsWith('.')) continue
      const kind = kindOf(root, folder, entry)
      if (kind === 'file') files.push(folder + name)
      if (kind === 'folder' && folder === '') list(`${name}/`)
      if (files.length > MAX_FILES) throw errors.E_FOLDER_SIZE({ limit: MAX_FILES, where })
    }
  }
  try {
    list('')
  } catch (cause) {
    if (isSilaneError(cause)) throw cause
    throw errors.E_FILE_READ({ file: 'The folder', problem: cause instanceof Error ? cause.message : String(cause), where }, { cause })
  }
  return files.sort()
}

/** What a name counts as; undefined for a link that leads nowhere, which is a file that is missing, and for a folder elsewhere. */
function kindOf(root: string, folder: string, entry: Dirent): 'file' | 'folder' | undefined {
  const { name } = entry
  const link = entry.isSymbolicLink()
  const found = link ? statSync(join(root, folder, name), { throwIfNoEntry: false }) : entry
  if (!found) return undefined
  if (!found.isDirectory() || FILE_NAME.test(name)) return 'file'
  return link && !staysInside(root, folder + name) ? undefined : 'folder'
}
