import { linkSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isRunning } from '@silane/core'

const host = hostname().replace(/[^A-Za-z0-9]+/g, '_')

const startOf = (file: string): string => `.${basename(file)}.silane-new-${host}-`

/** The name under which this process makes a file before it is whole; in the same folder, and nobody else's. */
export const unnamedFile = (file: string): string => join(dirname(file), `${startOf(file)}${process.pid}`)

/** Removes what processes of this machine left that were killed while they made this file, and what this one did. */
export function removeUnnamed(file: string): void {
  const start = startOf(file)
  const folder = dirname(file)
  for (const entry of listed(folder)) {
    if (!entry.isFile() || !entry.name.startsWith(start)) continue
    const pid = /^(\d+)(?:-journal)?$/.exec(entry.name.slice(start.length))?.[1]
    if (pid !== undefined && (Number(pid) === process.pid || !isRunning(Number(pid)))) rmSync(join(folder, entry.name), { force: true })
  }
}

/** A folder that is not there or cannot be listed holds nothing of ours; whoever writes into it says what is wrong. */
function listed(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

/** Gives a file that is whole its name, and says whether it did: not where another process was faster. */
export function giveName(unnamed: string, file: string): boolean {
  try {
    // Of two links one fails; of two renames both succeed, and what went into the first file is lost.
    linkSync(unnamed, file)
  } catch (error) {
    const answer = error instanceof Error && 'code' in error ? error.code : undefined
    if (answer !== 'EEXIST') {
      // Not every file system has links.
      renameSync(unnamed, file)
      return true
    }
    rmSync(unnamed)
    return false
  }
  rmSync(unnamed)
  return true
}
