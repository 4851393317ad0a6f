import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const folders = globSync(['packages/*/package.json', 'plugins/*/package.json'], { cwd: root })
  .map(file => dirname(file))
  .sort()
const plugins = folders.filter(folder => folder.startsWith('plugins/'))

describe.each(folders)('%s', folder => {
  const manifest = read(`${folder}/package.json`)

  test('can be published', () => {
    expect(manifest).toMatchObject({
      // Of others, with their notice: what packages of ours ship of onnxruntime.
      license: folder === 'packages/onnxruntime-wasm' ? 'Apache-2.0 AND MIT' : 'Apache-2.0',
      type: 'module',
      engines: { node: '>=24' },
      repository: { type: 'git', url: 'git+https://github.com/silane/silane.git', directory: folder },
      publishConfig: { access: 'public' },
    })
    expect(manifest.description).toBeTypeOf('string')
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'CHANGELOG.md']))
    for (const file of ['README.md', 'CHANGELOG.md']) expect(existsSync(join(root, folder, file)), file).toBe(true)
  })

  test('leads its finder to the people and the pages behind it', () => {
    const page = 'https://github.com/silane/silane'
    expect(manifest).toMatchObject({
      author: 'The silane authors',
      homepage: `${manifest.name === 'silane' ? page : `${page}/tree/main/${folder}`}#readme`,
      bugs: { url: `${page}/issues` },
    })
    expect(manifest.keywords.length).toBeGreaterThan(2)
    expect(new Set(manifest.keywords).size).toBe(manifest.keywords.length)
  })

  test('publishes from dist what it exports from src', () => {
    const published = Object.entries(manifest.exports as Record<string, string>).map(([name, source]) => {
      const built = source.replace('./src/', './dist/').replace(/\.ts$/, '')
      return [name, built === source ? source : { types: `${built}.d.ts`, default: `${built}.js` }]
    })
    expect(manifest.publishConfig.exports ?? manifest.exports).toEqual(Object.fromEntries(published))
  })

  test('takes part in every check', () => {
    // What gives it the tasks (`nx-targets.mjs`); a list of its own could leave one out.
    for (const name of ['tsconfig.json', 'tsconfig.check.json', 'test']) expect(existsSync(join(root, folder, name)), name).toBe(true)
    expect(manifest.nx).toBeUndefined()
  })

  test('builds after what it imports', () => {
    const references: { path: string }[] = read(`${folder}/tsconfig.json`).references ?? []
    const referenced = references.map(({ path }) => read(`${join(folder, path)}/package.json`).name).sort()
    const needed = { ...manifest.dependencies, ...manifest.peerDependencies } as Record<string, string>
    expect(referenced).toEqual(
      Object.keys(needed)
        .filter(name => needed[name]?.startsWith('workspace:'))
        .sort(),
    )
  })
})

describe.each(plugins)('%s', folder => {
  const manifest = read(`${folder}/package.json`)

  test('is found by the command line of the workspace', () => {
    expect(read('package.json').devDependencies).toHaveProperty([manifest.name], 'workspace:*')
  })

  test('says what it claims', () => {
    expect(manifest.keywords).toContain('silane-plugin')
    expect(manifest.name).toBe(`@silane/plugin-${manifest.silane.id}`)
    expect(manifest.silane).toMatchObject({ apiVersion: 1, status: expect.stringMatching(/^(stable|beta|experimental)$/) })
    expect(manifest.silane.claims.length).toBeGreaterThan(0)
    expect(manifest.silane.tasks.length).toBeGreaterThan(0)
  })
})
