import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Folders that are gone when a file of tests is through. */
export function scratch() {
  const folders: string[] = []
  return {
    folder: () => {
      const made = mkdtempSync(join(tmpdir(), 'silane-rag-'))
      folders.push(made)
      return made
    },
    remove: () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}
