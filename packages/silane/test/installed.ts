import { cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporary, write } from './workspace.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** A link to what a package of the workspace depends on. */
export function link(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(realpathSync(from), to)
}

/** A project of its own with silane, whose packages are linked but for `lacking`; gives the paths of both. */
export function installed(lacking: string, dependencies: Readonly<Record<string, string>> = {}): { app: string; silane: string } {
  const app = realpathSync(temporary())
  // Not in node_modules, where Node runs no TypeScript.
  const silane = join(app, 'silane')
  for (const part of ['src', 'bin', 'package.json']) cpSync(here(`../${part}`), join(silane, part), { recursive: true })
  const packages = here('../node_modules')
  for (const name of readdirSync(packages).filter(name => !name.startsWith('.') && !name.startsWith('@')))
    link(join(packages, name), join(silane, 'node_modules', name))
  link(join(packages, '@huggingface'), join(silane, 'node_modules/@huggingface'))
  for (const name of readdirSync(join(packages, '@silane')).filter(name => `@silane/${name}` !== lacking))
    link(join(packages, '@silane', name), join(silane, 'node_modules/@silane', name))
  write(app, { 'package.json': { name: 'app', dependencies } })
  return { app, silane }
}
