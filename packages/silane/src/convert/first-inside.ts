import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Which of some paths lie in a folder or are it: the first one, or undefined. Folders are told by device and inode, since the same
 * one has many names (links, mounts, upper and lower case), and a path is where its name stands and where its links lead to.
 */
export function firstInside(folder: string, paths: Iterable<string>): string | undefined {
  const target = identityOf(folder)
  if (target === undefined) return undefined
  // Files of one folder share their way up, which is walked once.
  const passed = new Set<string>()
  const within = (path: string): boolean => {
    for (let at = path, last = ''; at !== last && !passed.has(at); last = at, at = dirname(at)) {
      if (identityOf(at) === target) return true
      passed.add(at)
    }
    return false
  }
  for (const path of paths) {
    if (resolved(path).some(within)) return path
  }
  return undefined
}

/** A path whose folder's links are resolved, and one whose own are too; those that are there. */
function resolved(path: string): readonly string[] {
  const real = realOf(path)
  const parent = realOf(dirname(path))
  const named = parent === undefined ? [] : [join(parent, basename(path))]
  return real === undefined ? named : [real, ...named]
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path)
  } catch {
    return undefined
  }
}

/** Inodes exceed what a number holds on some file systems, so they are read as big integers. */
function identityOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stat && `${stat.dev}:${stat.ino}`
}
