import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isSilaneError } from '@silane/core'
import { errors } from './errors.ts'

/** A folder with more files than this is a home folder or a disk, not a checkpoint. */
const MAX_FILES = 50_000

/** The files of a folder and of the folders in it, sorted. Hidden ones are left out: `.git` and `.cache` hold none of the checkpoint. */
export function listFiles(root: string, where: string): string[] {
  const files: string[] = []
  const list = (folder: string) => {
    for (const name of readdirSync(join(root, folder))) {
      if (name.startsWith('.')) continue
      // A link counts as what it leads to; one that leads nowhere is a file that is missing.
      const kind = statSync(join(root, folder, name), { throwIfNoEntry: false })
      if (kind?.isFile()) files.push(folder + name)
      if (kind?.isDirectory() && folder === '') list(`${name}/`)
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
