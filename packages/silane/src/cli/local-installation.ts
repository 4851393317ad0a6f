import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { codeFolder, isRecord, isWithin, readPackage } from '../plugins/find-package.ts'
import { namedFolders } from '../plugins/named-folders.ts'

/**
 * The launcher of the `silane` that the project around the working directory has installed, where that is not this one: a global
 * command hands over to it, so that the project's version decides. What lies in a model's folder is none; no argument is parsed yet, so every
 * word of them may name one.
 */
export function localInstallation(argv: readonly string[], cwd = process.cwd()): string | undefined {
  const own = dirname(dirname(dirname(realpathSync(fileURLToPath(import.meta.url)))))
  const models = namedFolders(argv, cwd)
  const from = codeFolder(cwd, models)
  if (from === undefined) return undefined
  for (let folder = from, last = ''; folder !== last; last = folder, folder = dirname(folder)) {
    const found = join(folder, 'node_modules', 'silane')
    const installed = readPackage(found)
    if (installed === undefined) continue
    const { root, json } = installed
    if (root === own) return undefined
    if (models.some(model => isWithin(root, model))) continue
    const bin = isRecord(json.bin) ? json.bin.silane : undefined
    return typeof bin === 'string' ? pathToFileURL(join(root, bin)).href : undefined
  }
  return undefined
}
