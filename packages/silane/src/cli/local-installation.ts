import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { codeFolder, installedPackage, isRecord, isWithin, ownFolder, upward } from '../plugins/find-package.ts'
import { namedFolders } from '../plugins/named-folders.ts'

/**
 * The launcher of the `silane` that the project around the working directory has installed, where that is not this one: a global
 * command hands over to it, so that the project's version decides. What lies in a model's folder is none; no argument is parsed yet, so every
 * word of them may name one.
 */
export function localInstallation(argv: readonly string[], cwd = process.cwd()): string | undefined {
  // The package manager that made the table has chosen already.
  if (process.versions.pnp !== undefined) return undefined
  const models = namedFolders(argv, cwd)
  const from = codeFolder(cwd, models)
  if (from === undefined) return undefined
  for (const folder of upward(from)) {
    const installed = installedPackage('silane', folder)
    if (installed === undefined) return undefined
    const { root, json } = installed
    if (root === ownFolder) return undefined
    if (models.some(model => isWithin(root, model))) continue
    const bin = isRecord(json.bin) ? json.bin.silane : undefined
    return typeof bin === 'string' ? pathToFileURL(join(root, bin)).href : undefined
  }
  return undefined
}
