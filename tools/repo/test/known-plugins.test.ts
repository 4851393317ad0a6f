import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { knownPlugins } from '../../../packages/silane/src/plugins/known-plugins.ts'
import { readPluginManifest } from '../../../packages/silane/src/plugins/plugin-manifest.ts'
import { readCatalogues } from '../errors-doc.ts'
import { renderKnownPlugins, table } from '../known-plugins.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'))

it('the table of our plugins is what they claim', () => expect(readFileSync(table, 'utf8')).toBe(renderKnownPlugins()))

it('every plugin is in it, with every claim as a host reads it', () => {
  const manifests = globSync('plugins/*/package.json', { cwd: root }).sort().map(read)
  expect(knownPlugins.map(({ package: name, id }) => [name, id])).toEqual(manifests.map(({ name, silane }) => [name, silane.id]))
  for (const [i, { silane }] of manifests.entries()) {
    const parsed = readPluginManifest(silane)
    expect('manifest' in parsed && parsed.manifest.claims).toEqual(knownPlugins[i]?.claims)
  }
})

describe('packages that messages name', () => {
  const manifests = globSync(['packages/*/package.json', 'plugins/*/package.json'], { cwd: root }).map(read)
  const own = new Set<string>(manifests.map(({ name }) => name))
  const foreign = new Set(
    manifests.flatMap(({ dependencies = {}, peerDependencies = {}, optionalDependencies = {} }) =>
      Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }),
    ),
  )

  /** Names of ours, and of what a command would install or create. `<family>` and ‹facts› stand for some name. */
  function packagesIn(text: string): string[] {
    const ours = [...text.matchAll(/@silane\/[\w-]*\w|(?<![\w@/-])silane-plugin-[\w-]*\w/g)].map(([name]) => name)
    const commands = [...text.matchAll(/\b(?:npm (?:install|i|create|uninstall)|pnpm add|yarn add|npx)((?: (?:-\S+|[@\w][\w@/.:-]*))+)/g)]
    const named = commands.flatMap(([command, rest = '']) =>
      rest
        .split(' ')
        .filter(word => /^[@\w]/.test(word) && !word.startsWith('file:') && !word.endsWith('-'))
        .slice(0, /^(?:npx|npm create)/.test(command) ? 1 : undefined)
        .map(word => (command.startsWith('npm create') ? `create-${word}` : word.replace(/(?<=.)@.*$/, ''))),
    )
    return [...new Set([...ours, ...named])].filter(name => name !== '@silane/plugin')
  }

  // yarn 1 has no command of its own for what its documentation does with this one.
  const others = ['yarn-deduplicate']
  const unknown = (text: string) => packagesIn(text).filter(name => !own.has(name) && !foreign.has(name) && !others.includes(name))

  it('of the catalogues are in the workspace, or what it depends on', async () => {
    const texts = (await readCatalogues()).flatMap(({ entries }) => entries.map(({ error }) => error.message))
    expect(texts.length).toBeGreaterThan(100)
    expect(texts.flatMap(unknown)).toEqual([])
  })

  it('of the sources are, too', () => {
    const files = globSync(['packages/*/src/**/*.ts', 'plugins/*/src/**/*.ts', 'packages/silane/bin/*.js'], { cwd: root })
    const named = files.flatMap(file => {
      const texts = readFileSync(join(root, file), 'utf8').match(/'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g) ?? []
      // An import that is not there does not compile, and an import of a module of one is no package's name.
      return texts.flatMap(unknown).map(name => `${file}: ${name}`)
    })
    expect(named).toEqual([])
  })

  it.each([
    ['Install it: npm install @silane/plugin-elsewhere', ['@silane/plugin-elsewhere']],
    ['npm install -g nowhere@latest silane@latest', ['nowhere']],
    ['or write one: npm create silane-whatever', ['create-silane-whatever']],
    ['npm create silane-whatever my-model', ['create-silane-whatever']],
    ['see silane-plugin-nowhere', ['silane-plugin-nowhere']],
    ['npm install @silane/plugin-<family>, or ‹install›', []],
    ['npm install @silane/documents', []],
  ])('are found in %j', (text, names) => expect(unknown(text)).toEqual(names))
})
