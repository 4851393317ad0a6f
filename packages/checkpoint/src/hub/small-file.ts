import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** Bytes. A commit has 40, a token is refused beyond 1000 characters. */
const MOST = 4096

/**
 * The text of a file that holds one word; undefined where there is none, or something that is none: a pipe would be waited for, a device
 * and a long file would be read to their end.
 */
export function smallFile(path: string): string | undefined {
  let file: number
  try {
    // Without waiting for somebody who writes into a pipe. Windows knows neither the flag nor such pipes.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw error
  }
  try {
    if (!fstatSync(file).isFile()) return undefined
    const bytes = Buffer.alloc(MOST + 1)
    const length = readSync(file, bytes)
    return length > MOST ? undefined : bytes.toString('utf8', 0, length).trim()
  } finally {
    closeSync(file)
  }
}
