import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CreateError, errors } from './errors.ts'

export interface CreateOptions {
  /** What the plugin is called: `my-model`. A leading `silane-plugin-` is taken off. */
  readonly name: string
  /** The npm scope that it is published under, with or without `@`. Default: none. */
  readonly scope?: string | undefined
  /** Where it is written. Default: the name of the package without its scope, in the working directory. */
  readonly dir?: string | undefined
  /** For package.json and LICENSE. Default: none. */
  readonly author?: string | undefined
  readonly cwd?: string | undefined
}

export interface Created {
  readonly folder: string
  /** Name of the package. */
  readonly name: string
  /** Id of the plugin. */
  readonly id: string
}

const PREFIX = 'silane-plugin-'

/** What the template is called in its own files. */
const PLACEHOLDER = 'my-model'

/** npm's limit for the whole name. */
const LONGEST = 214

/** Files of the template that package managers would leave out, or take for those of this package, and their names in a plugin. */
const renamed: Readonly<Record<string, string>> = { gitignore: '.gitignore', 'manifest.json': 'package.json', 'mit.txt': 'LICENSE' }

const template = fileURLToPath(new URL('../template', import.meta.url))

/**
 * Writes a new plugin. Throws E_CREATE_NAME, E_CREATE_USAGE, E_CREATE_EXISTS and E_CREATE_WRITE, and then leaves nothing behind that was
 * not there.
 */
export function createPlugin({ name: given, scope, dir, author, cwd = '.' }: CreateOptions): Created {
  const id = pluginId(given)
  const name = packageName(id, scope)
  if (author !== undefined && /[\p{Cc}\u2028\u2029]/u.test(author))
    throw errors.E_CREATE_USAGE({ problem: 'The author has a line break or a control character' })
  const within = dir ?? `${PREFIX}${id}`
  try {
    const folder = resolve(cwd, within)
    if (existsSync(folder) && readdirSync(folder).length > 0) throw errors.E_CREATE_EXISTS({ folder })
    written(folder, place => {
      // A checkout of this repository may have been worked in: what is installed or built there is no part of a plugin.
      cpSync(template, place, { recursive: true, filter: file => !['node_modules', 'dist'].includes(basename(file)) })
      for (const [from, to] of Object.entries(renamed)) renameSync(join(place, from), join(place, to))
      fill(place, { id, name, author })
    })
    return { folder, name, id }
  } catch (error) {
    if (!(error instanceof Error) || error instanceof CreateError) throw error
    throw errors.E_CREATE_WRITE({ folder: within, problem: error.message })
  }
}

/** Makes a folder that is not there, or takes one that is empty, and has it filled; where that fails all is as it was. */
function written(folder: string, fillIn: (place: string) => void): void {
  // Not mkdirSync's own way, which tries for ever where a parent is there and takes no folders, as in /proc.
  const missing: string[] = []
  for (let at = folder; !existsSync(at); at = dirname(at)) missing.unshift(at)
  let made: string | undefined
  try {
    for (const each of missing) {
      mkdirSync(each)
      made ??= each
    }
    // It may be a link to a folder.
    fillIn(realpathSync(folder))
  } catch (error) {
    if (made !== undefined) rmSync(made, { recursive: true, force: true })
    else if (missing.length === 0) for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
    throw error
  }
}

function pluginId(given: string): string {
  const id = given.startsWith(PREFIX) ? given.slice(PREFIX.length) : given
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id)) throw errors.E_CREATE_NAME({ name: given, problem: 'is no name for a plugin' })
  return id
}

function packageName(id: string, scope: string | undefined): string {
  const owner = scope?.replace(/^@/, '')
  if (owner !== undefined && !/^[a-z0-9][a-z0-9._~-]*$/.test(owner))
    throw errors.E_CREATE_NAME({ name: `@${owner}`, problem: 'is no scope of npm' })
  const name = `${owner === undefined ? '' : `@${owner}/`}${PREFIX}${id}`
  if (name.length > LONGEST) throw errors.E_CREATE_NAME({ name, problem: `has more than the ${LONGEST} characters that npm takes` })
  return name
}

/** Puts the names in. */
function fill(
  folder: string,
  { id, name, author }: { readonly id: string; readonly name: string; readonly author: string | undefined },
): void {
  const edit = (file: string, change: (text: string) => string) => {
    const path = join(folder, file)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }
  const named = (text: string): string => text.replaceAll(`${PREFIX}${PLACEHOLDER}`, name).replaceAll(PLACEHOLDER, id)
  for (const file of ['README.md', 'src/index.ts', 'package.json']) edit(file, named)
  edit('package.json', text => {
    const { version, ...rest }: Record<string, unknown> = JSON.parse(text)
    const { name: own, description, ...more } = rest
    return `${JSON.stringify({ name: own, version, description, ...(author === undefined ? {} : { author }), ...more }, null, 2)}\n`
  })
  const year = new Date().getFullYear()
  // Not a text in place of a function: "$&" in a name is no pattern.
  edit('LICENSE', text => text.replace('{{year}}', String(year)).replace('{{author}}', () => author ?? `the authors of ${name}`))
}
