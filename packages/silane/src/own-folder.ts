import { rmSync } from 'node:fs'
import { type UnfinishedFolder, unfinishedFolder } from '@silane/core'

/** A folder that goes with the process until it is finished. */
export const ownFolder = (make: () => string): UnfinishedFolder =>
  unfinishedFolder(make, path => rmSync(path, { recursive: true, force: true }))
