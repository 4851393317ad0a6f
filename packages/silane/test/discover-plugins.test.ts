import { symlinkSync } from 'node:fs'
import Module from 'node:module'
import { delimiter, join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { localInstallation } from '../src/cli/local-installation.ts'
import { discoverPlugins } from '../src/plugins/discover-plugins.ts'
import { listPlugins } from '../src/plugins/list-plugins.ts'
import { loadPlugin } from '../src/plugins/load-plugin.ts'
import { pluginPackage, project, temporary, write } from './workspace.ts'

// Commands are those of the package manager that runs the tests, unless a lock file says otherwise.
beforeEach(() => {
  vi.stubEnv('npm_config_user_agent', '')
  return () => vi.unstubAllEnvs()
})

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

describe('--plugin', () => {
  const taking = (...ids: string[]) =>
    project(Object.fromEntries(ids.map(id => [`package-of-${id}`, pluginPackage(`package-of-${id}`, { id })])))

  test('takes the id of a plugin that would be found anyway', () => {
    expect(names(taking('one', 'two'), ['two'])).toEqual(['package-of-two'])
  })

  test('prefers an id to a folder or a package that is called so', () => {
    const cwd = write(taking('one'), {
      'one/package.json': pluginPackage('folder'),
      'node_modules/one/package.json': { name: 'one', version: '1.0.0' },
      'other/package.json': pluginPackage('other'),
    })
    expect(names(cwd, ['one'])).toEqual(['package-of-one'])
    expect(names(cwd, ['./one'])).toEqual(['folder'])
    expect(names(cwd, ['other'])).toEqual(['other'])
  })

  test('takes no code from the checkpoint that is called so', () => {
    const cwd = write(taking('one'), { 'model/package.json': pluginPackage('evil'), 'model/config.json': {} })
    const from = (explicit: string) =>
      discoverPlugins({ cwd, explicit: [explicit], checkpoint: join(cwd, 'model'), host: join(temporary(), 'silane') })
    expect(() => from('model')).toThrow(/There is no plugin "model"/)
    expect(from('./model').plugins[0]?.package).toBe('evil')
  })

  test('an id that two plugins have', () => {
    const cwd = project({ a: pluginPackage('a'), b: pluginPackage('b') })
    expect(() => discover(cwd, ['toy'])).toThrow(/These plugins have the same id, "toy": a@1.2.3, b@1.2.3\.\n.*\n.*--plugin a/)
    expect(names(cwd, ['b'])).toEqual(['b'])
  })

  const said = (name: string) => {
    try {
      discover(taking('one', 'two'), [name])
      return ''
    } catch (error) {
      return String(error).replace(/Looked in:.*\n/, '')
    }
  }

  test('an unknown id, with the closest names', () => {
    expect(said('tow')).toMatchInlineSnapshot(`
      "SilaneError: There is no plugin "tow". Closest names: t5, two, one.
      Give the id or the package of a plugin that \`silane plugins\` lists, or the path of its folder, such as ./plugin."
    `)
    expect(said('./tow')).toMatchInlineSnapshot(`
      "SilaneError: There is no plugin "./tow".
      Give the id or the package of a plugin that \`silane plugins\` lists, or the path of its folder, such as ./plugin."
    `)
    expect(said('silane-plugin-tow')).toMatchInlineSnapshot(`
      "SilaneError: There is no plugin "silane-plugin-tow". Closest names: package-of-two, albert, distilbert.
      Install it: npm install silane-plugin-tow"
    `)
  })
})

describe('packages are found as Node finds them', () => {
  test('also where they do not export their package.json, and through links', () => {
    const real = write(temporary(), { 'package.json': { ...pluginPackage('a'), exports: { '.': './index.js' } } })
    const cwd = write(temporary(), { 'package.json': { name: 'app', dependencies: { a: '*' } }, 'node_modules/.keep': '' })
    symlinkSync(real, join(cwd, 'node_modules/a'))
    expect(discover(cwd).plugins.map(plugin => plugin.root)).toEqual([real])
  })

  test('in the folder of a workspace above the project', () => {
    const root = write(temporary(), {
      'node_modules/a/package.json': pluginPackage('a'),
      'app/package.json': { name: 'app', dependencies: { a: '*' } },
    })
    expect(names(join(root, 'app'))).toEqual(['a'])
  })

  test.each(['../a', '/etc', 'file:///a', 'a/../../b', 'node:fs', 'events', '.', ''])('%j is no name of one', name => {
    expect(
      names(write(temporary(), { 'package.json': { name: 'app', dependencies: { [name]: '*' } }, 'a/package.json': pluginPackage('a') })),
    ).toEqual([])
  })

  /** A process that was started with a table of packages, as yarn and pnpm make it. */
  function plugAndPlay(project: string, table: Readonly<Record<string, string>>) {
    vi.stubGlobal('process', Object.create(process, { versions: { value: { ...process.versions, pnp: '3' } } }))
    const api = {
      resolveToUnqualified: (name: string) => {
        const found = table[name]
        if (found === undefined) throw new Error(`Your application tried to access ${name}, but it isn't declared`)
        return found
      },
      getPackageInformation: () => ({ packageLocation: `${project}/` }),
    }
    const find = (place: string) => (place.startsWith(project) || place.startsWith(table.silane ?? '-') ? api : null)
    Object.defineProperty(Module, 'findPnpApi', { configurable: true, value: find })
    return () => {
      Reflect.deleteProperty(Module, 'findPnpApi')
      vi.unstubAllGlobals()
    }
  }

  test("where Plug'n'Play says: there are no folders of packages", () => {
    const store = write(temporary(), {
      'a/package.json': pluginPackage('a'),
      'silane/package.json': { name: 'silane' },
    })
    // What a package with peers is called: a link to it would be the package without them.
    symlinkSync(join(store, 'a'), join(store, 'virtual-a'))
    const cwd = write(temporary(), { 'package.json': { name: 'app', dependencies: { a: '*', 'silane-plugin-b': '*' } } })
    const end = plugAndPlay(cwd, { a: join(store, 'virtual-a'), silane: join(store, 'silane') })
    try {
      const inside = discoverPlugins({ cwd, host: join(store, 'silane') })
      expect(inside.plugins.map(plugin => plugin.root)).toEqual([join(store, 'virtual-a')])
      expect(inside.missing.map(plugin => plugin.package)).toEqual(['silane-plugin-b'])
      // The host's own project, from elsewhere.
      expect(discoverPlugins({ cwd: temporary(), host: join(store, 'silane') }).plugins.map(plugin => plugin.package)).toEqual(['a'])
      expect(localInstallation([], cwd)).toBeUndefined()
    } finally {
      end()
    }
  })
})

describe('beside a command for the whole machine', () => {
  const globally = (files: Readonly<Record<string, unknown>>) => {
    const prefix = write(temporary(), { 'lib/node_modules/silane/package.json': { name: 'silane' }, ...files })
    return { prefix, host: join(prefix, 'lib/node_modules/silane') }
  }

  test('npm install -g: what carries the keyword, scoped or not, linked or not', () => {
    const linked = write(temporary(), { 'package.json': pluginPackage('linked') })
    const { prefix, host } = globally({
      'lib/node_modules/a/package.json': pluginPackage('a'),
      'lib/node_modules/@s/b/package.json': pluginPackage('@s/b'),
      'lib/node_modules/npm/package.json': { name: 'npm', version: '1.0.0' },
      'lib/node_modules/a/node_modules/deep/package.json': pluginPackage('deep'),
    })
    symlinkSync(linked, join(prefix, 'lib/node_modules/linked'))
    const { plugins, looked, manager } = discoverPlugins({ cwd: temporary(), host })
    expect(plugins.map(plugin => plugin.package)).toEqual(['@s/b', 'a', 'linked'])
    expect(looked).toContain(join(prefix, 'lib/node_modules'))
    expect(manager.add('x')).toBe('npm install -g x')
  })

  test("a project's own comes before another version of it", () => {
    const { host } = globally({ 'lib/node_modules/a/package.json': pluginPackage('a', {}, { version: '9.9.9' }) })
    const cwd = project({ a: pluginPackage('a') })
    expect(discoverPlugins({ cwd, host }).plugins.map(({ package: name, version }) => `${name}@${version}`)).toEqual(['a@1.2.3'])
  })

  test('npx: the package.json that it makes in its cache', () => {
    const cache = write(temporary(), {
      '_npx/abc/package.json': { dependencies: { silane: '*', a: '*' } },
      '_npx/abc/node_modules/silane/package.json': { name: 'silane' },
      '_npx/abc/node_modules/a/package.json': pluginPackage('a'),
    })
    const host = join(cache, '_npx/abc/node_modules/silane')
    expect(discoverPlugins({ cwd: temporary(), host }).plugins.map(plugin => plugin.package)).toEqual(['a'])
  })

  test('a store that many projects share: the project whose command was called', () => {
    const store = write(temporary(), { 'silane/package.json': { name: 'silane' }, 'silane/bin/silane.js': '' })
    const cwd = project({ a: pluginPackage('a') })
    symlinkSync(join(store, 'silane'), join(cwd, 'node_modules/silane'))
    const { argv } = process
    const found = () => discoverPlugins({ cwd: temporary(), host: join(store, 'silane') }).plugins.map(plugin => plugin.package)
    try {
      process.argv = [process.execPath, join(cwd, 'node_modules/silane/bin/silane.js')]
      expect(found()).toEqual(['a'])
      // A program that uses silane is no command of it.
      process.argv = [process.execPath, join(write(cwd, { 'node_modules/other/x.js': '' }), 'node_modules/other/x.js')]
      expect(found()).toEqual([])
    } finally {
      process.argv = argv
    }
  })

  test('pnpm add -g: projects of one package each', () => {
    const store = write(temporary(), { 'v11/links/silane/1.0.0/abc/node_modules/silane/bin/silane.js': '' })
    const host = join(store, 'v11/links/silane/1.0.0/abc/node_modules/silane')
    const all = join(temporary(), 'pnpm/global/v11')
    write(all, {
      '1-0/package.json': { dependencies: { silane: '1' } },
      '1-0/node_modules/.keep': '',
      '2-0/package.json': { dependencies: { a: '1' } },
      '2-0/node_modules/a/package.json': pluginPackage('a'),
    })
    symlinkSync(host, join(all, '1-0/node_modules/silane'))
    // pnpm has a second name for each.
    symlinkSync(join(all, '2-0'), join(all, 'hash'))
    const { argv } = process
    process.argv = [process.execPath, join(all, '1-0/node_modules/silane/bin/silane.js')]
    const { plugins, manager } = discoverPlugins({ cwd: temporary(), host })
    process.argv = argv
    expect(plugins.map(plugin => plugin.package)).toEqual(['a'])
    expect(manager.add('x')).toBe('pnpm add -g x')
  })

  test("pnpm's store: the project that the command names by NODE_PATH", () => {
    const store = write(temporary(), { 'v11/links/silane/1.0.0/abc/node_modules/silane/package.json': { name: 'silane' } })
    const host = join(store, 'v11/links/silane/1.0.0/abc/node_modules/silane')
    const cwd = write(project({ a: pluginPackage('a') }), { 'pnpm-lock.yaml': '' })
    vi.stubEnv('NODE_PATH', ['/x', `${cwd}/node_modules/.bin/../.pnpm/node_modules`].join(delimiter))
    const { argv } = process
    process.argv = [process.execPath, join(write(host, { 'bin/silane.js': '' }), 'bin/silane.js')]
    const { plugins, manager } = discoverPlugins({ cwd: temporary(), host })
    process.argv = argv
    expect(plugins.map(plugin => plugin.package)).toEqual(['a'])
    expect(manager.global).toBe(false)
    // To packages that lie elsewhere it says nothing.
    expect(discoverPlugins({ cwd: temporary(), host: join(temporary(), 'silane') }).plugins).toEqual([])
  })

  test('nothing of it that lies in the checkpoint', () => {
    const { prefix, host } = globally({ 'lib/node_modules/a/package.json': pluginPackage('a') })
    expect(discoverPlugins({ cwd: temporary(), host, checkpoint: prefix }).plugins).toEqual([])
  })
})

describe('what is skipped, and why', () => {
  const skipped = (block: Record<string, unknown>) =>
    discover(project({ a: pluginPackage('a', block) })).skipped.map(({ reason }) => reason)

  test('a newer API', () => {
    expect(skipped({ apiVersion: 7 })).toMatchInlineSnapshot(`
      [
        "it is made for plugin API 7, this silane has 1: npm install silane@latest",
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
    `"a@1.2.3 asks for @silane/core ^9.0.0, and this silane has 1.0.0. If it fails: npm install silane@latest"`,
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
      ['b', undefined, 'b@1.2.3 cannot be loaded: there is no ./'],
    ])
  })
})

test('what is listed and not installed is told', async () => {
  const cwd = write(temporary(), { 'package.json': { name: 'app', dependencies: { 'silane-plugin-b': '*', lodash: '*' } } })
  const { missing } = await listPlugins({ cwd, host: temporary() })
  expect(missing).toEqual([{ package: 'silane-plugin-b', via: join(cwd, 'package.json') }])
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
    ['weights in capitals', 'm/Model.SAFETENSORS', ''],
    ['quantised weights', 'm/model.Q4_K_M.gguf', ''],
    ['a package', 'm/model.mlpackage/Manifest.json', {}],
    ['an ONNX file', 'm/model.onnx', ''],
    ['the index of a repository of several models', 'm/model_index.json', {}],
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

  test('told by a file that a command names, however deep', () => {
    const root = write(temporary(), { ...files, 'm/onnx/model.onnx': '', 'm/sub/model.mlpackage/Manifest.json': {} })
    for (const model of ['onnx/model.onnx', 'sub/model.mlpackage', 'sub/gone.onnx']) {
      const cwd = join(root, 'm')
      expect(localInstallation(['verify', model], cwd)).toBeUndefined()
      expect(discoverPlugins({ cwd, checkpoint: join(cwd, model), host: join(temporary(), 'silane') }).plugins).toEqual([])
    }
    expect(localInstallation(['verify', 'org/name'], join(root, 'm'))).toMatch(/x\.js$/)
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
