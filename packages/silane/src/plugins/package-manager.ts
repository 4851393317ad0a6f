import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { dependencyNames, isRecord, ownFolder, readPackage, upward } from './find-package.ts'

/** What installs packages for a project, or beside a global command, in its own words. */
export interface PackageManager {
  readonly name: 'npm' | 'pnpm' | 'yarn' | 'yarn 1'
  readonly global: boolean
  /** Commands that bring packages, bring what package.json lists, take packages away, and make one of two equal copies. */
  readonly add: (...packages: readonly string[]) => string
  readonly install: () => string
  readonly remove: (...packages: readonly string[]) => string
  readonly dedupe: () => string
  /** A copy of a package in a folder, in place of a link to it, so that its dependencies are the project's. */
  readonly copy: (folder: string) => string
}

type Words = Omit<PackageManager, 'name' | 'global'>

const words: Readonly<Record<PackageManager['name'], (global: boolean) => Words>> = {
  npm: global => {
    const g = global ? ' -g' : ''
    return {
      add: (...packages) => `npm install${g} ${packages.join(' ')}`,
      install: () => 'npm install',
      remove: (...packages) => `npm uninstall${g} ${packages.join(' ')}`,
      dedupe: () => 'npm dedupe',
      copy: folder => `npm install${g} "$(npm pack --silent ${folder})"`,
    }
  },
  pnpm: global => {
    const g = global ? ' -g' : ''
    return {
      add: (...packages) => `pnpm add${g} ${packages.join(' ')}`,
      install: () => 'pnpm install',
      remove: (...packages) => `pnpm remove${g} ${packages.join(' ')}`,
      dedupe: () => 'pnpm dedupe',
      copy: folder => `pnpm add${g} file:${folder}`,
    }
  },
  yarn: () => ({
    add: (...packages) => `yarn add ${packages.join(' ')}`,
    install: () => 'yarn install',
    remove: (...packages) => `yarn remove ${packages.join(' ')}`,
    dedupe: () => 'yarn dedupe',
    copy: folder => `yarn add file:${folder}`,
  }),
  'yarn 1': global => {
    const yarn = global ? 'yarn global' : 'yarn'
    return {
      add: (...packages) => `${yarn} add ${packages.join(' ')}`,
      install: () => 'yarn install',
      remove: (...packages) => `${yarn} remove ${packages.join(' ')}`,
      // It has no command of its own for that.
      dedupe: () => 'npx yarn-deduplicate && yarn install',
      copy: folder => `${yarn} add file:${folder}`,
    }
  },
}

const manager = (name: PackageManager['name'], global: boolean): PackageManager => ({ name, global, ...words[name](global) })

export interface ManagerPlace {
  /** The folder of the project's package.json, if there is a project. */
  readonly project?: string | undefined
  /** The folder of the running silane; for tests. */
  readonly host?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
}

/**
 * The package manager of a project: the one that wrote its lock file, else the one that its package.json names, else the one that started
 * this process, else npm. Without a project that silane is part of, it is the one that installed the global command.
 */
export function packageManager({ project, host = ownFolder, env = process.env }: ManagerPlace = {}): PackageManager {
  const agent = agentOf(env.npm_config_user_agent)
  // The project that a package manager keeps for what is the whole machine's is its own.
  const its = project === undefined ? undefined : globalManager(join(project, 'node_modules', 'silane'))
  if (its) return manager(its, true)
  const global = globalManager(host)
  // A global command in a project that does not have silane: what it lacks goes beside itself.
  if (global && (project === undefined || !lists(project))) return manager(global, true)
  for (const folder of project === undefined ? [] : upward(project)) {
    const found = lockOf(folder) ?? declared(folder)
    if (found) return manager(found, false)
  }
  return manager(agent ?? 'npm', false)
}

/** Whether a project is one of silane's: it lists it, or a plugin, or says which plugins it uses. */
function lists(project: string): boolean {
  const json = readPackage(project)?.json ?? {}
  return isRecord(json.silane) || dependencyNames(json).some(name => name === 'silane' || isPluginName(name))
}

/** Whether a package is a plugin by its name, as far as that tells: the convention of the guide for authors. */
export const isPluginName = (name: string): boolean => /^@silane\/plugin-.|^(?:@[^/]+\/)?silane-plugin-./.test(name)

function lockOf(folder: string): PackageManager['name'] | undefined {
  if (existsSync(join(folder, 'pnpm-lock.yaml'))) return 'pnpm'
  if (existsSync(join(folder, 'yarn.lock'))) return isYarn1(join(folder, 'yarn.lock')) ? 'yarn 1' : 'yarn'
  return ['package-lock.json', 'npm-shrinkwrap.json'].some(file => existsSync(join(folder, file))) ? 'npm' : undefined
}

/** By its second line, so only the beginning is read; what is no file, such as a pipe, would be waited for. */
function isYarn1(lock: string): boolean {
  try {
    if (!statSync(lock).isFile()) return false
    const file = openSync(lock, 'r')
    try {
      const bytes = Buffer.alloc(1000)
      return bytes.toString('utf8', 0, readSync(file, bytes)).includes('# yarn lockfile v1')
    } finally {
      closeSync(file)
    }
  } catch {
    return false
  }
}

/** `packageManager` of package.json, as corepack reads it. */
function declared(folder: string): PackageManager['name'] | undefined {
  const said = readPackage(folder)?.json.packageManager
  return typeof said === 'string' ? named(/^(\w+)@(\d*)/.exec(said)) : undefined
}

/** `npm/11.0.0 node/v24.0.0 linux x64` */
const agentOf = (agent: string | undefined): PackageManager['name'] | undefined => named(/^(\w+)\/(\d*)/.exec(agent ?? ''))

const named = (found: RegExpExecArray | null): PackageManager['name'] | undefined => {
  const [, name, major] = found ?? []
  if (name === 'yarn') return major === '1' ? 'yarn 1' : 'yarn'
  return name === 'npm' || name === 'pnpm' ? name : undefined
}

/** Which package manager installed silane for the whole machine, by where it put it; undefined where it is part of a project. */
function globalManager(host: string): PackageManager['name'] | undefined {
  const folders = host.replaceAll('\\', '/')
  if (isPnpmGlobal(folders)) return 'pnpm'
  if (/\/yarn\/global\/node_modules\//.test(folders)) return 'yarn 1'
  return globalFolder(host) === undefined ? undefined : 'npm'
}

/**
 * The folder of global packages that silane lies in, as `npm install -g` lays it out: a node_modules that belongs to no package.json.
 * Undefined for other layouts: a project's, and pnpm's, where a package has a node_modules of its own.
 */
export function globalFolder(host = ownFolder): string | undefined {
  const folder = dirname(host)
  const isApart = /[\\/]node_modules[\\/]/.test(folder) || isShared(folder)
  return /[\\/]node_modules$/.test(folder) && !isApart && readPackage(dirname(folder)) === undefined ? folder : undefined
}

/** Whether a package lies in pnpm's store, where all projects of a machine have it. */
export const isShared = (folder: string): boolean => /[\\/]v\d+[\\/]links[\\/]/.test(folder)

/** Whether a folder is one, or is inside one, in which pnpm has what it installs for the whole machine. */
export const isPnpmGlobal = (folder: string): boolean => /\/pnpm\/(?:.*\/)?global\//.test(`${folder.replaceAll('\\', '/')}/`)
