import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { asPacked, CORE, carriesContract, rangeProblems, versionProblems } from '../src/contract.ts'
import { manifestsOf, readChangesets } from '../src/version.ts'
import { checkOut } from './check-out.ts'

const root = join(import.meta.dirname, '../../..')

test('packages of the workspace ask for each other by a range that lets one copy be installed', () => {
  expect(rangeProblems(manifestsOf(root))).toEqual([])
})

test('every pending changeset names packages that are published', () => {
  const names = new Set(manifestsOf(root).map(({ name }) => name))
  for (const { file, bumps } of readChangesets(root)) {
    for (const name of bumps.keys()) expect(names.has(name), `${file}: ${name}`).toBe(true)
  }
})

// The workspace's own manifests in a repository of their own, with changesets of its own.
describe('npm run version', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'silane-version-'))
    checkOut(folder)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' })

  const changeset = (bumps: Readonly<Record<string, string>>) => {
    const lines = Object.entries(bumps).map(([name, bump]) => `'${name}': ${bump}`)
    writeFileSync(join(folder, '.changeset/one.md'), ['---', ...lines, '---', '', 'A change.', ''].join('\n'))
  }

  /** Runs it; gives what changed its version, as `name` to `how`. */
  const version = () => {
    const before = new Map(manifestsOf(folder).map(manifest => [manifest.name, manifest.version]))
    const ran = spawnSync(process.execPath, [join(root, 'tools/release/src/version.ts')], { cwd: folder, encoding: 'utf8' })
    expect(`${ran.stdout}${ran.stderr}`, 'what it printed').not.toMatch(/rror/)
    expect(ran.status).toBe(0)
    const bumped = manifestsOf(folder).flatMap(({ name, version }) => {
      const [was, is] = [before.get(name), version].map(text => (text ?? '').split('.').map(Number))
      const at = is?.findIndex((part, index) => part !== was?.[index]) ?? -1
      return at === -1 ? [] : [[name, ['major', 'minor', 'patch'][at]]]
    })
    return Object.fromEntries(bumped)
  }

  const changelog = (of: string) => readFileSync(join(folder, of, 'CHANGELOG.md'), 'utf8')
  const carriers = manifestsOf(root).filter(carriesContract)

  test.each([
    [{ [CORE]: 'patch' }],
    [{ [CORE]: 'minor' }],
    [{ '@silane/plugin-bert': 'patch' }],
    [{ silane: 'minor', '@silane/plugin-t5': 'patch' }],
  ])('%o changes nothing else', bumps => {
    changeset(bumps)
    expect(version()).toEqual(bumps)
    expect(git('status', '--short', 'pnpm-lock.yaml')).toBe('')
  })

  test('a major of the core is one of everything that carries the contract, with a changelog that says why', () => {
    expect(carriers.length).toBeGreaterThan(20)
    changeset({ [CORE]: 'major', '@silane/plugin-bert': 'patch' })
    expect(version()).toEqual(Object.fromEntries([CORE, ...carriers.map(({ name }) => name)].map(name => [name, 'major'])))
    expect(changelog('packages/core')).toContain('A change.')
    expect(changelog('plugins/bert')).toMatch(/## 2\.0\.0\n\n### Major Changes[\s\S]*Follows the new major version of `@silane\/core`/)
    expect(changelog('plugins/bert')).toContain('## 1.0.0')
    expect(globSync('.changeset/*.md', { cwd: folder })).toEqual([])
    expect(git('status', '--short', 'pnpm-lock.yaml')).toBe('')
  })

  test('a major of a plugin is a patch of the plugins that are made from it', () => {
    const made = manifestsOf(folder).filter(({ dependencies }) => dependencies?.['@silane/plugin-bert'] !== undefined)
    expect(made.length).toBeGreaterThan(0)
    changeset({ '@silane/plugin-bert': 'major' })
    expect(version()).toEqual({ ...Object.fromEntries(made.map(({ name }) => [name, 'patch'])), '@silane/plugin-bert': 'major' })
  })

  test('without changesets there is nothing to do', () => {
    expect(version()).toEqual({})
    expect(git('status', '--short')).toBe('')
  })

  test('what changesets alone makes of a major of the core is refused', () => {
    changeset({ [CORE]: 'major' })
    const before = asPacked(manifestsOf(folder))
    execFileSync(join(root, 'node_modules/.bin/changeset'), ['version'], { cwd: folder, stdio: 'pipe' })
    const problems = versionProblems(before, asPacked(manifestsOf(folder)), new Set([CORE]))
    expect(problems).toHaveLength(carriers.length)
    expect(problems).toContain('@silane/plugin-bert 1.0.0 -> 1.0.1: follows @silane/core ^1.0.0 -> ^2.0.0 and must be a major')
  })

  test('a changeset that cannot be read is refused by name', () => {
    writeFileSync(join(folder, '.changeset/odd.md'), '---\nsilane: huge\n---\n\nA change.\n')
    expect(() => readChangesets(folder)).toThrow('.changeset/odd.md: not "package: major|minor|patch|none": silane: huge')
  })
})

describe('versions', () => {
  const core = (version: string) => ({ name: CORE, version })
  const plugin = (version: string, range: string) => ({ name: 'plugin', version, peerDependencies: { [CORE]: range } })

  test('that follow nothing and have no changeset are refused', () => {
    const before = [core('1.0.0'), plugin('1.0.0', '^1.0.0')]
    const after = [core('1.1.0'), plugin('1.0.1', '^1.1.0')]
    expect(versionProblems(before, after, new Set([CORE]))).toEqual([
      'plugin 1.0.0 -> 1.0.1: no changeset names it, and it works with what it worked with',
    ])
    expect(versionProblems(before, after, new Set([CORE, 'plugin']))).toEqual([])
  })

  test('that follow the core to another major are majors, also where the core itself is not looked at', () => {
    const before = [plugin('1.0.0', '^1.0.0')]
    expect(versionProblems(before, [plugin('1.0.1', '^2.0.0')])).toEqual([
      `plugin 1.0.0 -> 1.0.1: follows ${CORE} ^1.0.0 -> ^2.0.0 and must be a major`,
    ])
    expect(versionProblems(before, [plugin('2.0.0', '^2.0.0')])).toEqual([])
    expect(versionProblems(before, [plugin('1.0.1', '^1.4.0')])).toEqual([])
    expect(versionProblems([{ name: 'plugin', version: '1.0.0' }], [plugin('1.0.1', '^1.0.0')])).toEqual([])
  })

  test('of a package that is new are its own affair', () => {
    expect(versionProblems([core('1.0.0')], [core('1.0.0'), plugin('0.1.0', '^1.0.0')], new Set())).toEqual([])
  })

  test('of ranges that pin or widen are refused', () => {
    const pinned = { name: 'silane', version: '1.0.0', dependencies: { [CORE]: 'workspace:*' } }
    const widened = { ...plugin('1.0.0', '>=1'), silane: { id: 'x' } }
    expect(rangeProblems([pinned, widened])).toEqual([
      `silane: "${CORE}": "workspace:*" pins one version, so that two are installed after the next; "workspace:^"`,
      `plugin: a plugin has the peer dependency "${CORE}": "workspace:^", so that a minor of the core leaves it alone`,
    ])
  })
})
