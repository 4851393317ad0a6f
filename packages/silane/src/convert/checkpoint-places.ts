import { dirname } from 'node:path'
import type { Checkpoint } from '@silane/core'
import { MANIFEST_FILE } from '../manifest.ts'

/**
 * What an output folder must never hold: the checkpoint's folder and its files, which may be links to elsewhere, as in the hub's
 * cache. Conversions that were written into the checkpoint's folder are no part of it, unless the model takes something (`used`)
 * from there.
 */
export function checkpointPlaces({ files, has, path, location }: Checkpoint, used: readonly string[]): readonly string[] {
  const [first] = files
  // The location of a snapshot of the hub is no path.
  const root = first === undefined ? location : path(first).slice(0, -first.length)
  const taken = new Set(used)
  const own = files.filter(file => taken.has(file) || !file.includes('/') || !has(`${dirname(file)}/${MANIFEST_FILE}`))
  return [root, ...own.map(path)]
}
