import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { localInstallation } from '../src/cli/local-installation.ts'
import { discoverPlugins } from '../src/plugins/discover-plugins.ts'
import { listPlugins } from '../src/plugins/list-plugins.ts'
import { loadPlugin } from '../src/plugins/load-plugin.ts'
import { pluginPackage, project, temporary, write } from './workspace.ts'

/** No plugins but the project's: the host lies alone. */
const discover = (cwd: string, explicit?: string[]) => discoverPlugins({ cwd, explicit, host: join(temporary(), 'silane') })
const names = (cwd: string, explicit?: string[]) => discover(cwd, explicit).plugins.map(plugin => plugin.package)

describe('where plugins are looked for', () => {
  test('dependencies, devDependencies and optionalDependencies that carry the keyword', () => {
    const cwd = project(
      { a: pluginPackage('a'), 'not-a-plugin': { name: 'not-a-plugin', version: '1.0.0' } },
      { devDependencies: { b: '*' }, optionalDependencies: { c: '*', missing: '*' } },
    )
    write(cwd, { 'node_modules/b/package.json': pluginPackage('b'), 'node_modules/c/package.json': pluginPackage('c') })
    expect(names(cwd)).toEqual(['a', 'b', 'c'])
  })

  test('the nearest package.json above the working directory', () => {
    const cwd = project({ a: pluginPackage('a') })
    write(cwd, { 'models/bert/config.json': {} })
    expect(names(join(cwd, 'models/bert'))).toEqual(['a'])
  })

  test('the package.json above the host', () => {
    const root = project({ a: pluginPackage('a') })
    const host = join(root, 'node_modules/silane')
    write(host, { 'package.json': { name: 'silane', dependencies: { b: '*' } }, 'node_modules/b/package.json': pluginPackage('b') })
    expect(discoverPlugins({ cwd: temporary(), host }).plugins.map(plugin => plugin.package)).toEqual(['a'])
  })

  test('the package of the plugin itself', () => {
    expect(names(write(temporary(), { 'package.json': pluginPackage('mine') }))).toEqual(['mine'])
  })

  test('never what nobody lists', () => {
    const cwd = project({})
    write(cwd, { 'node_modules/a/package.json': pluginPackage('a') })
    expect(names(cwd)).toEqual([])
  })

  test('one that is linked twice is found once, under its real path', () => {
    const real = write(temporary(), { 'package.json': pluginPackage('a') })
    const cwd = project({}, { dependencies: { a: '*', alias: '*' } })
    write(cwd, { 'node_modules/.keep': '' })
    symlinkSync(real, join(cwd, 'node_modules/a'))
    symlinkSync(real, join(cwd, 'node_modules/alias'))
    expect(discover(cwd).plugins.map(plugin => plugin.root)).toEqual([real])
  })

  test('silane.plugins of the nearest package.json instead of the dependencies', () => {
    const cwd = project({ a: pluginPackage('a'), b: pluginPackage('b') }, { silane: { plugins: ['b', './local'] } })
    write(cwd, { 'local/package.json': pluginPackage('local') })
    expect(names(cwd)).toEqual(['b', 'local'])
  })

  test('names and paths of --plugin before anything else', () => {
    const cwd = project({ a: pluginPackage('a'), b: pluginPackage('b') }, { silane: { plugins: ['b'] } })
    write(cwd, { 'local/package.json': pluginPackage('local') })
    expect(names(cwd, ['a', './local'])).toEqual(['a', 'local'])
    expect(() => discover(cwd, ['zebra'])).toThrow(/There is no plugin "zebra"/)
    expect(() => discover(cwd, ['./zebra'])).toThrow(/There is no plugin ".\/zebra"/)
  })
})

describe('what is skipped, and why', () => {
  const skipped = (block: Record<string, unknown>) =>
    discover(project({ a: pluginPackage('a', block) })).skipped.map(({ reason }) => reason)

  test('a newer API', () => {
    expect(skipped({ apiVersion: 7 })).toMatchInlineSnapshot(`
      [
        "it needs plugin API 7, this silane has 1: npm install silane@latest",
      ]
    `)
  })

  test('a broken block', () => {
    expect([
      ...skipped({ id: 'A B' }),
      ...skipped({ claims: [] }),
      ...skipped({ claims: [{}] }),
      ...skipped({ claims: [{ modeltype: 'x' }] }),
    ]).toMatchInlineSnapshot(`
        [
          "its "silane" block: id: must consist of lower-case letters, digits and hyphens",
          "its "silane" block: claims: Too small: expected array to have >=1 items",
          "its "silane" block: claims.0: a claim needs a modelType, or files, tensors or config keys in "when"",
          "its "silane" block: claims.0: Unrecognized key: "modeltype"",
        ]
      `)
  })
})

test('a core outside the peer range is said, not refused', () => {
  const [fits, narrow, packed] = ['^1.0.0', '^9.0.0', 'workspace:^'].map(
    range => discover(project({ a: pluginPackage('a', {}, { peerDependencies: { '@silane/core': range } }) })).plugins[0]?.warning,
  )
  expect(fits).toBeUndefined()
  expect(packed).toBeUndefined()
  expect(narrow).toMatchInlineSnapshot(
    `"a@1.2.3 asks for @silane/core ^9.0.0, and this silane has 1.0.0. If it fails: npm install silane@latest a@latest"`,
  )
})

describe('code', () => {
  const found = (index: string | undefined, rest: Record<string, unknown> = {}) => {
    const cwd = project({ a: pluginPackage('a', {}, rest) })
    if (index !== undefined) write(cwd, { 'node_modules/a/index.js': index })
    const [plugin] = discover(cwd).plugins
    return plugin!
  }

  test('is the default export of exports["."]', async () => {
    const good = 'export default { id: "toy", tasks: {}, load() {} }'
    expect((await loadPlugin(found(good))).id).toBe('toy')
    expect((await loadPlugin(found(good, { exports: { '.': { types: './index.d.ts', default: './index.js' } } }))).id).toBe('toy')
    expect((await loadPlugin(found(good, { exports: { require: './x.cjs', node: { import: './index.js' } } }))).id).toBe('toy')
    expect((await loadPlugin(found(good, { exports: undefined, main: './index.js' }))).id).toBe('toy')
  })

  test.each([
    ['export const x = 1', 'E_PLUGIN_INVALID'],
    ['export default { id: "other", tasks: {}, load() {} }', 'E_PLUGIN_INVALID'],
    ['import "not-there"', 'E_PLUGIN_LOAD'],
    [undefined, 'E_PLUGIN_LOAD'],
  ])('%s gives %s', async (index, code) => {
    await expect(loadPlugin(found(index))).rejects.toMatchObject({ code })
  })

  test('is listed with its options, or with what is wrong', async () => {
    const cwd = project({ a: pluginPackage('a'), b: pluginPackage('b') })
    write(cwd, {
      'node_modules/a/index.js': 'export default { id: "toy", tasks: {}, load() {}, options: { k: { type: "integer", doc: "d" } } }',
    })
    const { plugins } = await listPlugins({ cwd, host: temporary() })
    expect(plugins.map(({ package: name, options, problem }) => [name, options, problem?.slice(0, 40)])).toEqual([
      ['a', { k: { type: 'integer', doc: 'd' } }, undefined],
      ['b', undefined, 'b@1.2.3 cannot be loaded: Cannot find mo'],
    ])
  })
})

describe('a model folder is no source of code', () => {
  const block = { apiVersion: 1, id: 'evil', claims: [{ modelType: 'bert' }], tasks: [] }
  const evil = { name: 'evil', version: '1.0.0', type: 'module', keywords: ['silane-plugin'], exports: './i.js', silane: block }
  const files = {
    'm/package.json': { name: 'm', silane: { plugins: ['./evil'] } },
    'm/evil/package.json': evil,
    'm/evil/i.js': 'throw new Error("ran")',
    'm/node_modules/silane/package.json': { name: 'silane', version: '9.9.9', bin: { silane: './x.js' } },
    'm/sub/x': '',
  }

  test.each([
    ['a configuration', 'm/config.json', { model_type: 'bert' }],
    ['weights', 'm/model.safetensors', ''],
    ['a conversion', 'm/silane.json', {}],
  ])('told by %s, in it and below', (_, file, content) => {
    const root = temporary()
    write(root, { ...files, [file]: content })
    symlinkSync(join(root, 'm'), join(root, 'link'))
    for (const cwd of ['m', 'm/sub', 'link'].map(name => join(root, name))) {
      expect(names(cwd)).toEqual([])
      expect(localInstallation([], cwd)).toBeUndefined()
    }
    // By hand it is another matter.
    expect(names(root, ['./m/evil'])).toEqual(['evil'])
  })

  test('told by the command alone, through links too, and what is left out is said', () => {
    const root = write(temporary(), { 'package.json': { name: 'p', silane: { plugins: ['./m/evil'] } }, ...files })
    symlinkSync(join(root, 'm'), join(root, 'link'))
    for (const checkpoint of ['m', 'link'].map(name => join(root, name))) {
      for (const cwd of ['', 'm', 'm/sub', 'link'].map(name => join(root, name))) {
        const { plugins, skipped } = discoverPlugins({ cwd, checkpoint, host: join(temporary(), 'silane') })
        expect(plugins).toEqual([])
        expect(skipped).toEqual([
          expect.objectContaining({ package: 'evil', reason: expect.stringContaining('in the folder of the checkpoint') }),
        ])
      }
      expect(localInstallation(['inspect', checkpoint], join(root, 'm/sub'))).toBeUndefined()
    }
    expect(localInstallation(['inspect', 'org/name', '--plugin', '.'], join(root, 'm/sub'))).toMatch(/x\.js$/)
  })

  test('the project above it is', () => {
    const root = temporary()
    write(root, { 'package.json': { name: 'p', silane: { plugins: ['./good'] } }, 'good/package.json': { ...evil, name: 'good' } })
    write(root, { ...files, 'm/config.json': { architectures: ['BertModel'] } })
    expect(names(join(root, 'm'))).toEqual(['good'])
  })

  test('a config.json of something else is none of a model', () => {
    const root = temporary()
    write(root, { ...files, 'm/config.json': { port: 80 } })
    expect(names(join(root, 'm'))).toEqual(['evil'])
  })
})
