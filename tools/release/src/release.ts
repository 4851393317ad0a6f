// `npm run release`: checks, builds anew, packs, checks the tarballs, and publishes those very files, where the registry lacks them.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, delimiter, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { inOrder, packAll, packumentOf, publicFolders, readTarball, type Tarball } from '@silane/registry'
import semver from 'semver'
import { versionProblems } from './contract.ts'
import { tarballProblems } from './lint-tarball.ts'
import { readChangesets } from './version.ts'

const root = join(import.meta.dirname, '../../..')

const usage = `npm run release -- [options]
  --dry-run        all but publishing: says what would be
  --no-checks      without the tests of the repository, where another job ran them
  --pack FOLDER    ends when FOLDER holds the checked tarballs and release.json, their hashes
  --from FOLDER    publishes what --pack left there; builds and runs nothing of the repository
  --provenance     lets npm sign where the tarballs were built (in a workflow with id-token: write)
  --no-git-tag     without a git tag for every version that is published`

/** The tarballs that were checked, by their hashes: what is published is what was looked at. */
interface Sealed {
  readonly file: string
  readonly name: string
  readonly version: string
  readonly sha512: string
}

const hashOf = (path: string): string => createHash('sha512').update(readFileSync(path)).digest('hex')

/** Writes down, beside tarballs that were checked, which files those are. */
export function seal(folder: string, tarballs: readonly Tarball[]): void {
  const sealed = tarballs.map(
    ({ path, manifest: { name, version } }): Sealed => ({ file: basename(path), name, version, sha512: hashOf(path) }),
  )
  writeFileSync(join(folder, 'release.json'), `${JSON.stringify(sealed, null, 2)}\n`)
}

/** The tarballs of a folder that {@link seal} described, in the order to publish them; throws when one is another file now. */
export function unseal(folder: string): Tarball[] {
  const sealed: Sealed[] = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8'))
  return inOrder(
    sealed.map(({ file, name, version, sha512 }) => {
      const path = join(folder, file)
      const tarball = readTarball(path)
      if (hashOf(path) !== sha512 || tarball.manifest.name !== name || tarball.manifest.version !== version)
        throw new Error(`${path} is not the file that was checked as ${name}@${version}. Pack again.`)
      return tarball
    }),
  )
}

/** The tarballs that a registry lacks, and what is wrong with them beside the latest versions that it has. */
async function compare(registry: string, tarballs: readonly Tarball[]): Promise<{ lacking: Tarball[]; problems: string[] }> {
  const lacking: Tarball[] = []
  const problems: string[] = []
  for (const tarball of tarballs) {
    const { name, version } = tarball.manifest
    const published = await packumentOf(registry, name)
    if (published.versions[version] !== undefined) continue
    lacking.push(tarball)
    const latest = published.versions[published.latest ?? '']
    if (latest === undefined) continue
    problems.push(...versionProblems([latest], [tarball.manifest]))
    if (semver.lt(version, latest.version)) problems.push(`${name} ${version}: the registry has ${latest.version} already`)
  }
  return { lacking, problems }
}

interface Options {
  readonly dryRun: boolean
  readonly provenance: boolean
  readonly tag: boolean
}

/** Publishes what the registry of this environment's npm lacks; one file after another, so that a dependency is there first. */
async function publishLacking(tarballs: readonly Tarball[], { dryRun, provenance, tag }: Options): Promise<void> {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()
  const { lacking, problems } = await compare(registry, tarballs)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  if (lacking.length === 0) console.log('The registry has all of these versions: nothing to publish.')
  for (const { path, manifest } of lacking) {
    const label = `${manifest.name}@${manifest.version}`
    console.log(`${dryRun ? 'would publish' : 'publishing'} ${label}  ${Math.ceil(readFileSync(path).length / 1000)} kB`)
    if (dryRun) continue
    execFileSync('npm', ['publish', path, '--access', 'public', '--loglevel', 'warn', ...(provenance ? ['--provenance'] : [])], {
      stdio: ['inherit', 'ignore', 'inherit'],
    })
    if (tag && spawnSync('git', ['rev-parse', '-q', '--verify', `refs/tags/${label}`]).status !== 0)
      execFileSync('git', ['tag', label, '-m', label])
  }
}

function run(command: string, ...args: string[]): void {
  const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter) }
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`)
}

/** Packs what the sources say now: nothing of an earlier build, and nothing out of a cache that others may have written. */
function packAnew(folder: string): Tarball[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const packageFolder of publicFolders()) rmSync(join(packageFolder, 'dist'), { recursive: true, force: true })
  run('nx', 'run-many', '-t', 'build', '--skip-nx-cache')
  const tarballs = packAll(folder)
  const problems = tarballs.flatMap(({ path }) => tarballProblems(path))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  seal(folder, tarballs)
  console.log(`${tarballs.length} tarballs packed and checked: ${folder}`)
  return tarballs
}

async function release(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      'dry-run': { type: 'boolean', default: false },
      'no-checks': { type: 'boolean', default: false },
      'no-git-tag': { type: 'boolean', default: false },
      provenance: { type: 'boolean', default: false },
      pack: { type: 'string' },
      from: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const options: Options = { dryRun: values['dry-run'], provenance: values.provenance, tag: !values['no-git-tag'] }
  if (values.from !== undefined) {
    await publishLacking(unseal(resolve(values.from)), options)
    return
  }
  const pending = readChangesets(root).length
  if (pending > 0 && !options.dryRun)
    throw new Error(`${pending} changesets are pending: npm run version, look at it, commit it, then release.`)
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' })
  if (changed !== '' && !options.dryRun) throw new Error(`What is published is what is committed, and this is not:\n${changed}`)
  if (!values['no-checks']) run(process.execPath, 'tools/repo/check.mjs')
  const tarballs = packAnew(values.pack === undefined ? join(root, 'out/release') : resolve(values.pack))
  if (values.pack === undefined) await publishLacking(tarballs, options)
}

if (process.argv[1] === import.meta.filename) {
  try {
    await release(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
