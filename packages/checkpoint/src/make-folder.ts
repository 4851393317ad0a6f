import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder and those that it is in, as far as they are not there. What Node's own `recursive` does as well, but below /proc, where
 * the system says of a folder that is there that it is not: there it tries for ever, and no signal is heard.
 */
export function makeFolder(path: string): void {
  const place = resolve(path)
  const first = refusal(place)
  if (first === undefined) return
  const parent = dirname(place)
  if (first.code !== 'ENOENT' || parent === place) throw first
  makeFolder(parent)
  const second = refusal(place)
  if (second !== undefined) throw second
}

/** Why a folder cannot be made in the one that it is in; undefined where it is there now. */
function refusal(place: string): (Error & { readonly code: string }) | undefined {
  try {
    mkdirSync(place)
    return undefined
  } catch (error) {
    // Of what is there some systems say other things than EEXIST, such as that the disk can only be read.
    if (isFolder(place)) return undefined
    if (!(error instanceof Error && 'code' in error)) throw error
    // A file, or a link that leads nowhere.
    return Object.assign(error, { code: error.code === 'EEXIST' ? 'ENOTDIR' : String(error.code) })
  }
}

function isFolder(place: string): boolean {
  try {
    return statSync(place).isDirectory()
  } catch {
    return false
  }
}
