import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errors } from '../errors.ts'
import { packageManager } from './package-manager.ts'

/**
 * Imports a package that only some verbs need, from the first of these places that has it. Its type is the caller's to say: it is known
 * by its name. Throws E_PACKAGE_MISSING, which says what for.
 */
export async function optionalPackage(name: string, places: readonly string[], what: string): Promise<unknown> {
  for (const place of [...places, import.meta.dirname]) {
    const path = resolved(name, place)
    if (path !== undefined) return import(pathToFileURL(path).href)
  }
  throw errors.E_PACKAGE_MISSING({ package: name, what, install: packageManager({ project: places.at(-1) }).add(name) })
}

function resolved(name: string, folder: string): string | undefined {
  try {
    return createRequire(join(folder, 'package.json')).resolve(name)
  } catch {
    return undefined
  }
}
