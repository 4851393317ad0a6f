import { dirname, join } from 'node:path'
import type { OpenCheckpoint } from '@silane/checkpoint'
import { MANIFEST_FILE } from '../manifest.ts'

/**
 * What an output folder must never hold: the checkpoint's folder and its files, which may be links to elsewhere, as in the hub's
 * cache. Conversions that were written into the checkpoint's folder are no part of it, unless the model takes something (`used`)
 * from there.
 */
export function checkpointPlaces(
  { files, has, root }: Pick<OpenCheckpoint, 'files' | 'has' | 'root'>,
  used: readonly string[],
): readonly string[] {
  const taken = new Set(used)
  const own = files.filter(file => taken.has(file) || !file.includes('/') || !has(`${dirname(file)}/${MANIFEST_FILE}`))
  // Where links lead to is looked at, so that of a file that nobody wants not even the path is asked for.
  return [root, ...own.map(file => join(root, file))]
}
