import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The files in a folder and in those below it, as relative paths with slashes. A link is a file, whatever it leads to. */
export function filesWithin(folder: string): string[] {
  const list = (prefix: string): string[] =>
    readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap(entry =>
      entry.isDirectory() ? list(`${prefix}${entry.name}/`) : [prefix + entry.name],
    )
  return list('')
}
