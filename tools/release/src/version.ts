// `npm run version`, for the workspace that it is run in: turns changesets into versions and changelogs. changesets gives a patch to what depends on a package with a new
// major; a package that carries the plugin contract gets a major of its own here, and what was written is judged by the same rule.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Manifest } from '@silane/registry'
import { asPacked, CORE, carriesContract, versionProblems } from './contract.ts'

const root = join(import.meta.dirname, '../../..')
type Bump = 'major' | 'minor' | 'patch' | 'none'

/** The packages of a workspace that are published. */
export const manifestsOf = (folder: string): Manifest[] =>
  globSync(['packages/*/package.json', 'plugins/*/package.json'], { cwd: folder })
    .sort()
    .map((file): Manifest => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .filter(manifest => manifest.private !== true)

/** The pending changesets: which package changes how, each in its file. */
export function readChangesets(folder: string): { readonly file: string; readonly bumps: ReadonlyMap<string, Bump> }[] {
  return globSync('.changeset/*.md', { cwd: folder })
    .filter(file => !file.endsWith('README.md'))
    .sort()
    .map(file => {
      const [, header] = /^---\r?\n([\s\S]*?)\r?\n?---/.exec(readFileSync(join(folder, file), 'utf8')) ?? []
      if (header === undefined) throw new Error(`${file} has no header between two lines of ---`)
      const bumps = header
        .split(/\r?\n/)
        .filter(line => line.trim() !== '')
        .map((line): [string, Bump] => {
          const [, name, bump] = /^\s*['"]?([^'":]+)['"]?:\s*['"]?(major|minor|patch|none)['"]?\s*$/.exec(line) ?? []
          if (name === undefined || !isBump(bump)) throw new Error(`${file}: not "package: major|minor|patch|none": ${line}`)
          return [name, bump]
        })
      return { file, bumps: new Map(bumps) }
    })
}

const isBump = (word: string | undefined): word is Bump => word !== undefined && ['major', 'minor', 'patch', 'none'].includes(word)

/** Writes a changeset that makes a major of everything that carries the contract, when the core becomes one. */
function followCore(folder: string): void {
  const majors = new Set(
    readChangesets(folder).flatMap(({ bumps }) => [...bumps].flatMap(([name, bump]) => (bump === 'major' ? [name] : []))),
  )
  if (!majors.has(CORE)) return
  const followers = manifestsOf(folder)
    .filter(manifest => carriesContract(manifest) && !majors.has(manifest.name))
    .map(({ name }) => name)
  if (followers.length === 0) return
  const header = followers.map(name => `'${name}': major`)
  const text = `Follows the new major version of \`${CORE}\`: install it together with the packages that do.`
  writeFileSync(join(folder, '.changeset/follows-the-core.md'), ['---', ...header, '---', '', text, ''].join('\n'))
}

function version(folder: string): void {
  const run = (command: string, ...args: string[]) =>
    execFileSync(join(root, 'node_modules/.bin', command), args, {
      cwd: folder,
      stdio: 'inherit',
      env: { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter) },
    })
  const before = manifestsOf(folder)
  followCore(folder)
  const named = new Set(readChangesets(folder).flatMap(({ bumps }) => [...bumps.keys()]))
  if (named.size === 0) {
    console.log('No changesets: nothing to release.')
    return
  }
  run('changeset', 'version')
  if (existsSync(join(folder, 'biome.json'))) run('biome', 'format', '--write', 'packages', 'plugins')
  // Only versions of our own changed, which the lockfile does not hold: it must be right still, and no package of others is judged anew.
  run('pnpm', 'install', '--lockfile-only', '--frozen-lockfile', '--config.minimumReleaseAge=0')
  const after = manifestsOf(folder)
  const versions = new Map(before.map(manifest => [manifest.name, manifest.version]))
  for (const { name, version } of after) if (versions.get(name) !== version) console.log(`${name} ${versions.get(name)} -> ${version}`)
  const problems = versionProblems(asPacked(before), asPacked(after), named)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}

if (process.argv[1] === import.meta.filename) version(process.cwd())
