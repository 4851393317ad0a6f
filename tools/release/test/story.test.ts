import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Client, type Manifest, publish, type Registry, repack, startRegistry, type Tarball, Transcript } from '@silane/registry'
import semver from 'semver'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { asPacked, CORE, carriesContract } from '../src/contract.ts'
import { tarballProblems } from '../src/lint-tarball.ts'
import { seal } from '../src/release.ts'
import { manifestsOf } from '../src/version.ts'
import { checkOut } from './check-out.ts'
import { pageOf } from './page-of.ts'

// One story, told in the order of the tests: a maintainer releases, two people use what is released, a third publishes a plugin of
// her own. What they typed and saw is written to a page that a person can read.

const root = join(import.meta.dirname, '../../..')
const shared = inject('registry')
const transcript = new Transcript()
const scratch = mkdtempSync(join(tmpdir(), 'silane-story-'))
const tarballFolder = join(scratch, 'tarballs')

let registry: Registry
let maintainer: Client
let ann: Client
let ben: Client
let cleo: Client
/** What is released next: every package, as it was packed last. */
let tarballs: readonly Tarball[]

beforeAll(async () => {
  // Of its own, since later releases are published here. What others publish is in the shared one already.
  registry = await startRegistry(shared.url)
  maintainer = new Client(registry.url, { name: 'maintainer', transcript })
  ann = new Client(registry.url, { name: 'ann', transcript })
  ben = new Client(registry.url, { name: 'ben', transcript })
  cleo = new Client(registry.url, { name: 'cleo', transcript })
  checkOut(maintainer.folder)
  const file = join(maintainer.folder, 'package.json')
  const scripts = Object.fromEntries(['version', 'release'].map(name => [name, `node ${join(root, `tools/release/src/${name}.ts`)}`]))
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), scripts }))
  execFileSync('git', ['commit', '-qam', 'Scripts'], { cwd: maintainer.folder })
  mkdirSync(tarballFolder)
  tarballs = shared.tarballs.map(({ path, manifest }) => {
    copyFileSync(path, join(tarballFolder, basename(path)))
    return { path: join(tarballFolder, basename(path)), manifest }
  })
  seal(tarballFolder, tarballs)
  for (const [user, plugin, fixture] of [
    [ann, 'bert', 'base'],
    [ben, 'bert', 'base'],
    [cleo, 'opt', 'feature-extraction'],
  ] as const)
    cpSync(join(root, `plugins/${plugin}/fixtures/${fixture}`), join(user.folder, plugin), { recursive: true })
})

afterAll(async () => {
  const page = process.env.SILANE_STORY ?? 'tools/release/out/release-story.md'
  mkdirSync(join(root, page, '..'), { recursive: true })
  const told = transcript.text.replaceAll(tarballFolder, 'tarballs').replaceAll(`${scratch}/`, '')
  writeFileSync(join(root, page), pageOf('A story of releases', ABOUT, told))
  for (const client of [maintainer, ann, ben, cleo]) client.remove()
  rmSync(scratch, { recursive: true, force: true })
  await registry.stop()
})

const ABOUT =
  'What a maintainer types to release, and what three people see who use what is released: Ann with npm, Ben with pnpm, Cleo with a plugin of her own. It is told by a test (`tools/release/test/story.test.ts`) to a registry on this machine; `npm run story` writes this page anew. How it works: [releasing](releasing.md).'

const minutes = { timeout: 600_000 }

/** The version that a user has of a package: how many there are, and which. */
const installed = (user: Client, name: string): string[] => {
  const found = execFileSync('find', ['.', '-path', `*/node_modules/${name}/package.json`, '-not', '-path', '*/.bin/*'], {
    cwd: user.folder,
    encoding: 'utf8',
  })
  return [
    ...new Set(
      found
        .trim()
        .split('\n')
        .filter(file => file !== '')
        .map((file): string => JSON.parse(readFileSync(join(user.folder, file), 'utf8')).version),
    ),
  ]
}

/** The maintainer's changeset, its versions committed, and the tarballs that come of it. Gives those that are new. */
async function change(
  bumps: Readonly<Record<string, string>>,
  text: string,
  edit = (manifest: Manifest, _: string): Manifest => manifest,
): Promise<Tarball[]> {
  const lines = Object.entries(bumps).map(([name, bump]) => `'${name}': ${bump}`)
  const changeset = ['---', ...lines, '---', '', text, ''].join('\n')
  writeFileSync(join(maintainer.folder, '.changeset/a-change.md'), changeset)
  await maintainer.run('cat .changeset/a-change.md')
  await maintainer.run('npm run --silent version')
  execFileSync('git', ['commit', '-qam', 'Versions'], { cwd: maintainer.folder })
  const packed = new Map(asPacked(manifestsOf(maintainer.folder)).map(manifest => [manifest.name, manifest]))
  const later: Tarball[] = []
  tarballs = tarballs.map(tarball => {
    const next = packed.get(tarball.manifest.name)
    if (next === undefined || next.version === tarball.manifest.version) return tarball
    const path = join(tarballFolder, `${next.name.replace('@', '').replace('/', '-')}-${next.version}.tgz`)
    const { dependencies, peerDependencies } = next
    const made = repack(tarball, path, (manifest, folder) => {
      copyFileSync(
        join(maintainer.folder, String(isRecord(next.repository) ? next.repository.directory : ''), 'CHANGELOG.md'),
        join(folder, 'CHANGELOG.md'),
      )
      return edit(
        { ...manifest, version: next.version, ...(dependencies && { dependencies }), ...(peerDependencies && { peerDependencies }) },
        folder,
      )
    })
    later.push(made)
    return made
  })
  seal(tarballFolder, tarballs)
  return later
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Publishes what the registry lacks; gives what was published, as the maintainer saw it. */
const release = async (): Promise<string[]> => {
  const { stdout } = await maintainer.run(`npm run --silent release -- --from ${tarballFolder}`)
  return [...stdout.matchAll(/^publishing (\S+)/gm)].flatMap(([, label]) => label ?? [])
}

test('everything is published, once, and only what was checked', minutes, async () => {
  transcript.say('The first release: every package, each after what it depends on.')
  const { stdout } = await maintainer.run(`npm run --silent release -- --from ${tarballFolder} --dry-run`)
  expect(stdout.match(/^would publish/gm)).toHaveLength(tarballs.length)
  const published = await release()
  expect(published).toEqual(tarballs.map(({ manifest }) => `${manifest.name}@${manifest.version}`))
  expect(execFileSync('git', ['tag'], { cwd: maintainer.folder, encoding: 'utf8' }).trim().split('\n').sort()).toEqual(published.toSorted())
  expect(await release()).toEqual([])

  transcript.say('A file that is not the one that was checked is not published.')
  const [first] = tarballs
  if (first === undefined) throw new Error('nothing was packed')
  const original = readFileSync(first.path)
  writeFileSync(
    first.path,
    execFileSync('gzip', ['-c'], { input: execFileSync('gzip', ['-dc', first.path], { maxBuffer: 2 ** 28 }), maxBuffer: 2 ** 28 }),
  )
  await expect(maintainer.run(`npm run --silent release -- --from ${tarballFolder}`)).rejects.toThrow('is not the file that was checked')
  writeFileSync(first.path, original)
})

test('silane and one plugin are installed with npm and with pnpm, and convert', minutes, async () => {
  transcript.say('Ann uses npm, Ben uses pnpm. Both install silane and one plugin, and convert a checkpoint.')
  await ann.run('npm install silane @silane/plugin-bert')
  await ben.run('pnpm add silane @silane/plugin-bert')
  for (const [user, exec] of [
    [ann, 'npx'],
    [ben, 'pnpm exec'],
  ] as const) {
    const { stdout } = await user.run('du -sk node_modules')
    expect(Number.parseInt(stdout, 10), 'kB of a default install').toBeLessThanOrEqual(60_000)
    expect(installed(user, CORE)).toEqual(['1.0.0'])
    await user.run(`${exec} silane convert ./bert --seq 24 --out out`)
  }
})

test('plugins are added and removed with the package manager', minutes, async () => {
  transcript.say('Plugins come and go with the package manager.')
  await ann.run('npm install @silane/plugin-t5')
  expect((await ann.run('npx silane plugins | grep ^@')).stdout).toMatch(/plugin-bert@[\s\S]*plugin-t5@/)
  await ann.run('npm uninstall @silane/plugin-t5')
  expect((await ann.run('npx silane plugins | grep ^@')).stdout).not.toContain('plugin-t5')
  await ben.run('pnpm add @silane/plugin-t5')
  expect((await ben.run('pnpm exec silane plugins | grep ^@')).stdout).toMatch(/plugin-bert@[\s\S]*plugin-t5@/)
  await ben.run('pnpm remove @silane/plugin-t5')
  expect((await ben.run('pnpm exec silane plugins | grep ^@')).stdout).not.toContain('plugin-t5')
})

test('a changeset in one plugin publishes that plugin, and its users update it', minutes, async () => {
  transcript.say('A correction in one plugin: one changeset, one version, one package published.')
  const [later, ...more] = await change({ '@silane/plugin-bert': 'patch' }, 'A correction.')
  if (later === undefined) throw new Error('no version')
  const { version } = later.manifest
  expect(more).toEqual([])
  expect(tarballProblems(later.path)).toEqual([])
  expect(await release()).toEqual([`@silane/plugin-bert@${version}`])
  await ann.run('npm update')
  expect((await ann.run('npx silane plugins | grep ^@')).stdout).toContain(`@silane/plugin-bert@${version}`)
  await ben.run('pnpm update')
  expect((await ben.run('pnpm exec silane plugins | grep ^@')).stdout).toContain(`@silane/plugin-bert@${version}`)
})

test('a minor of the core is published alone and keeps the plugin of somebody else working', minutes, async () => {
  transcript.say('Cleo has published a plugin of her own and uses it.')
  const opt = tarballs.find(({ manifest }) => manifest.name === '@silane/plugin-opt')
  if (opt === undefined) throw new Error('no such plugin')
  const own = repack(opt, join(scratch, 'own.tgz'), manifest => ({ ...manifest, name: '@acme/silane-plugin-opt', version: '0.3.0' }))
  expect(await publish(registry.url, own)).toBe(true)
  await cleo.run('npm install silane @acme/silane-plugin-opt')
  await cleo.run('npx silane convert ./opt --seq 24 --out before')

  transcript.say('The core has something new. No plugin is released for that.')
  const [core, ...more] = await change({ [CORE]: 'minor' }, 'Something new.')
  if (core === undefined) throw new Error('no version')
  expect(more).toEqual([])
  expect(await release()).toEqual([`${CORE}@${core.manifest.version}`])
  await cleo.run('npm update')
  expect(installed(cleo, CORE)).toEqual([core.manifest.version])
  expect((await cleo.run('npx silane plugins | grep ^@')).stdout).toContain('@acme/silane-plugin-opt@0.3.0')
  await cleo.run('npx silane convert ./opt --seq 24 --out after')
})

test('a major of the core refuses old plugins, an old host refuses new ones, each in its own words', minutes, async () => {
  transcript.say('The core has a new contract: a major of everything that carries it.')
  const later = await change({ [CORE]: 'major' }, 'A new contract.', (manifest, folder) => {
    if (manifest.name === CORE) {
      const file = join(folder, 'dist/plugin/plugin.js')
      const code = readFileSync(file, 'utf8')
      const next = code.replace('API_VERSION = 1', 'API_VERSION = 2')
      expect(next).not.toBe(code)
      writeFileSync(file, next)
    }
    return isRecord(manifest.silane) ? { ...manifest, silane: { ...manifest.silane, apiVersion: 2 } } : manifest
  })
  const majors = tarballs.filter(({ manifest }) => manifest.name === CORE || carriesContract(manifest))
  expect(later.map(({ manifest }) => manifest.name).toSorted()).toEqual(majors.map(({ manifest }) => manifest.name).toSorted())
  for (const { manifest } of later) expect(semver.patch(manifest.version) + semver.minor(manifest.version), manifest.name).toBe(0)
  expect(await release()).toHaveLength(later.length)

  transcript.say('What changesets alone would make of a major of the core is refused: a patch of a plugin that asks for another core.')
  const bert = later.find(({ manifest }) => manifest.name === '@silane/plugin-bert')
  if (bert === undefined) throw new Error('no such plugin')
  const astray = join(scratch, 'by-hand')
  mkdirSync(astray)
  seal(astray, [
    repack(bert, join(astray, 'bert.tgz'), manifest => ({ ...manifest, version: '2.0.1', peerDependencies: { [CORE]: '^3.0.0' } })),
  ])
  const refused = await maintainer.try(`npm run --silent release -- --from ${astray}`)
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain('follows @silane/core ^2.0.0 -> ^3.0.0 and must be a major')

  transcript.say('Cleo updates silane; her plugin is older.')
  await cleo.run('npm install silane@latest')
  const old = await cleo.run('npx silane convert ./opt --seq 24 --out never', { status: 2 })
  expect(old.stderr).toMatch(/E_PLUGIN_API_OLD @acme\/silane-plugin-opt@0\.3\.0 is older than this silane/)
  expect(old.stderr).toContain('npm install @acme/silane-plugin-opt@latest')

  transcript.say('Ann updates her plugin and not silane, which is older.')
  await ann.run('npm install @silane/plugin-bert@latest')
  const host = await ann.run('npx silane convert ./bert --out never', { status: 2 })
  expect(host.stderr).toMatch(/E_PLUGIN_API @silane\/plugin-bert@2\.0\.0 is newer than this silane/)
  expect(host.stderr).toContain('npm install silane@latest')

  transcript.say('The command that silane names mends it.')
  await ann.run('npm install silane@latest')
  expect(installed(ann, CORE)).toEqual(['2.0.0'])
  await ann.run('npx silane convert ./bert --seq 24 --out again')
})
