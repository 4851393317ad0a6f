import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { main } from '../src/cli.ts'
import { checkPlugins } from '../src/plugins/check-plugins.ts'
import { pluginPackage, temporary, write } from './workspace.ts'

beforeEach(() => {
  vi.stubEnv('npm_config_user_agent', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const good = (id: string): string => `export default { id: '${id}', tasks: {}, load() {} }`
const core = (version = '1.0.0') => ({ name: '@silane/core', version })

/** Files of a plugin that is installed in a project. */
const installed = (name: string, block: object = {}, rest: object = {}, code?: string) => {
  const { silane, ...manifest } = pluginPackage(name, { id: name, claims: [{ modelType: name }], ...block }, { ...rest })
  return {
    [`node_modules/${name}/package.json`]: { ...manifest, silane },
    [`node_modules/${name}/index.js`]: code ?? good(silane.id),
  }
}

/** A project with silane, one copy of the core and these plugins, which its package.json lists. */
function project(files: Readonly<Record<string, unknown>>, rest: object = {}): string {
  const names = Object.keys(files).flatMap(file => /^node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(file)?.[1] ?? [])
  return write(temporary(), {
    'package.json': { name: 'app', dependencies: Object.fromEntries(['silane', ...names].map(name => [name, '*'])), ...rest },
    'node_modules/silane/package.json': { name: 'silane', version: '1.0.0' },
    'node_modules/@silane/core/package.json': core(),
    ...files,
  })
}

/** What is found wrong, in words; places of this machine and stacks left out. */
async function check(cwd: string, host = join(cwd, 'node_modules/silane'), explicit?: string[]): Promise<string> {
  const { ok, problems } = await checkPlugins({ cwd, host, explicit })
  expect(ok).toBe(problems.length === 0)
  return problems
    .map(({ code, what, where, next }) => [`${code} ${what}`, where, next].filter(Boolean).join('\n'))
    .join('\n\n')
    .replaceAll(cwd, '<project>')
    .replaceAll(dirname(dirname(host)), '<host>')
}

test('nothing wrong', async () => {
  expect(await check(project({ ...installed('a'), ...installed('b') }))).toBe('')
})

describe('a plugin that cannot be loaded', () => {
  test('since a dependency of it is not there', async () => {
    expect(await check(project(installed('a', {}, {}, "import 'not-there'")))).toMatchInlineSnapshot(`
      "E_PLUGIN_LOAD a@1.2.3 cannot be loaded: Cannot find package 'not-there' imported from <project>/node_modules/a/index.js.
      <project>/node_modules/a/index.js
      Install what is missing: npm install. Else update the plugin: npm install a@latest. If that does not help, remove it (npm uninstall a) and report it to its author."
    `)
  })

  test('since its file is not', async () => {
    const { 'node_modules/a/index.js': _, ...files } = installed('a')
    expect(await check(project(files))).toMatchInlineSnapshot(`
      "E_PLUGIN_LOAD a@1.2.3 cannot be loaded: there is no ./index.js.
      <project>/node_modules/a/index.js
      Install what is missing: npm install. Else update the plugin: npm install a@latest. If that does not help, remove it (npm uninstall a) and report it to its author."
    `)
  })

  test('since it throws', async () => {
    expect(await check(project(installed('a', {}, {}, "throw new Error('boom')")))).toMatchInlineSnapshot(`
      "E_PLUGIN_LOAD a@1.2.3 cannot be loaded: boom.
      <project>/node_modules/a/index.js
      Update the plugin: npm install a@latest. If that does not help, remove it (npm uninstall a) and report it to its author."
    `)
  })

  test('since it says another id than its package.json', async () => {
    expect(await check(project(installed('a', {}, {}, good('z'))))).toMatchInlineSnapshot(`
      "E_PLUGIN_INVALID a@1.2.3 is not a usable plugin: its code says id "z", its package.json "a".
      <project>/node_modules/a
      Update the plugin: npm install a@latest. If that does not help, remove it (npm uninstall a) and report it to its author."
    `)
  })

  test('since it is no plugin', async () => {
    expect(await check(project(installed('a', {}, {}, 'export const x = 1')))).toMatchInlineSnapshot(`
      "E_PLUGIN_INVALID a@1.2.3 is not a usable plugin: its default export has not id, tasks and load, which definePlugin makes sure of.
      <project>/node_modules/a
      Update the plugin: npm install a@latest. If that does not help, remove it (npm uninstall a) and report it to its author."
    `)
  })
})

describe('a plugin that hangs, and the ones after it are looked at all the same', () => {
  beforeEach(() => void vi.stubEnv('SILANE_PLUGIN_TIMEOUT', '1'))

  test.each([
    ['a loop', 'for (;;) {}'],
    ['a promise that is never kept', 'await new Promise(() => {})'],
    ['a promise that is kept too late', 'await new Promise(resolve => setTimeout(resolve, 1e6))'],
    ['a call of the system that does not come back', "import { execSync } from 'node:child_process'; execSync('sleep 60')"],
    ['an end of the process', 'process.exit(0)'],
    ['a rejection of something that has no text', 'Promise.reject(Object.create(null))'],
    [
      'a throw that nobody catches',
      "setTimeout(() => { throw new Error('later') }); await new Promise(resolve => setTimeout(resolve, 200))",
    ],
  ])('%s', async (_, code) => {
    const cwd = project({ ...installed('a', {}, {}, `console.log('NOISE')\n${code}\n${good('a')}`), ...installed('b', {}, {}, good('z')) })
    const { problems } = await checkPlugins({ cwd, host: join(cwd, 'node_modules/silane') })
    expect(problems.map(problem => [problem.code, problem.packages])).toEqual([
      ['E_PLUGIN_FAILED', ['a']],
      ['E_PLUGIN_INVALID', ['b']],
    ])
    expect(problems[0]).toMatchObject({
      what: expect.stringMatching(/^a@1\.2\.3 failed in/),
      next: expect.stringContaining('npm uninstall a'),
    })
  })

  test('its own messages are none of ours', async () => {
    const code = `for (const message of ['hello', { loaded: 5 }, null]) process.send?.(message)\n${good('a')}`
    expect(await check(project(installed('a', {}, {}, code)))).toBe('')
  })

  test('in words', async () => {
    expect(await check(project(installed('a', {}, {}, 'for (;;) {}')))).toMatchInlineSnapshot(`
      "E_PLUGIN_FAILED a@1.2.3 failed in its import: it has not returned after 1 s.
      <project>/node_modules/a
      Update the plugin: npm install a@latest. If that does not help, remove it (npm uninstall a) and report it to its author."
    `)
  })
})

describe('a plugin that was skipped', () => {
  test('of a newer API: this silane is old', async () => {
    expect(await check(project(installed('a', { apiVersion: 7 })))).toMatchInlineSnapshot(`
      "E_PLUGIN_API a@1.2.3 is newer than this silane: it is made for plugin API 7, this silane has 1.
      <project>/node_modules/a
      Update silane: npm install silane@latest"
    `)
  })

  test('of an older API: the plugin is old', async () => {
    expect(await check(project(installed('a', { apiVersion: 0 })))).toMatchInlineSnapshot(`
      "E_PLUGIN_API_OLD a@1.2.3 is older than this silane: it is made for plugin API 0, this silane has 1.
      <project>/node_modules/a
      Update the plugin: npm install a@latest"
    `)
  })

  test('with a broken block', async () => {
    expect(await check(project(installed('a', { tasks: 1 })))).toMatchInlineSnapshot(`
      "E_PLUGIN_INVALID a@1.2.3 is not a usable plugin: its "silane" block: tasks: Invalid input: expected array, received number.
      <project>/node_modules/a
      Update it: npm install a@latest. If that does not help, this is for the author of the plugin to mend; its package.json needs the keyword silane-plugin and a "silane" block."
    `)
  })
})

describe('the core', () => {
  const asking = (range: string) => installed('a', {}, { peerDependencies: { '@silane/core': range } })

  test('is older than the plugin asks for', async () => {
    expect(await check(project(asking('^9.0.0')))).toMatchInlineSnapshot(`
      "E_PLUGIN_CORE a@1.2.3 asks for @silane/core ^9.0.0, and this silane has 1.0.0.
      <project>/node_modules/a
      Update the one that is behind: npm install silane@latest"
    `)
  })

  test('is newer than the plugin asks for', async () => {
    expect(await check(project(asking('^0.9.0')))).toMatchInlineSnapshot(`
      "E_PLUGIN_CORE a@1.2.3 asks for @silane/core ^0.9.0, and this silane has 1.0.0.
      <project>/node_modules/a
      Update the one that is behind: npm install a@latest"
    `)
  })

  test('is there twice, in one version', async () => {
    expect(
      await check(project({ ...installed('a'), 'node_modules/a/node_modules/@silane/core/package.json': core() })),
    ).toMatchInlineSnapshot(`
      "E_CORE_TWICE a@1.2.3 has a copy of the core of its own: 1.0.0 in <project>/node_modules/@silane/core, 1.0.0 in <project>/node_modules/a/node_modules/@silane/core.
      <project>/node_modules/a
      Have one for both: npm dedupe"
    `)
  })

  test('is there twice, in two versions', async () => {
    expect(
      await check(project({ ...installed('a'), 'node_modules/a/node_modules/@silane/core/package.json': core('1.4.0') })),
    ).toMatchInlineSnapshot(`
      "E_CORE_TWICE a@1.2.3 has a copy of the core of its own: 1.0.0 in <project>/node_modules/@silane/core, 1.4.0 in <project>/node_modules/a/node_modules/@silane/core.
      <project>/node_modules/a
      Have one for both: npm install silane@latest a@latest"
    `)
  })

  test('is there twice, since a plugin is linked', async () => {
    const linked = write(temporary(), {
      'package.json': pluginPackage('a', { id: 'a' }),
      'index.js': good('a'),
      'node_modules/@silane/core/package.json': core(),
    })
    const cwd = project({}, { dependencies: { a: '*', silane: '*' } })
    symlinkSync(linked, join(cwd, 'node_modules/a'))
    expect((await check(cwd)).replaceAll(linked, '<linked>')).toMatchInlineSnapshot(`
      "E_CORE_TWICE a@1.2.3 has a copy of the core of its own: 1.0.0 in <project>/node_modules/@silane/core, 1.0.0 in <linked>/node_modules/@silane/core.
      <linked>
      Have one for both: npm install "$(npm pack --silent <linked>)""
    `)
  })

  test('is there twice, since the plugin is the project’s and the command the machine’s', async () => {
    const prefix = write(temporary(), {
      'lib/node_modules/silane/package.json': { name: 'silane' },
      'lib/node_modules/silane/node_modules/@silane/core/package.json': core(),
    })
    const cwd = write(temporary(), {
      'package.json': { name: 'app', dependencies: { a: '*' } },
      'package-lock.json': {},
      'node_modules/@silane/core/package.json': core(),
      ...installed('a'),
    })
    expect(await check(cwd, join(prefix, 'lib/node_modules/silane'))).toMatchInlineSnapshot(`
      "E_CORE_TWICE a@1.2.3 has a copy of the core of its own: 1.0.0 in <host>/node_modules/silane/node_modules/@silane/core, 1.0.0 in <project>/node_modules/@silane/core.
      <project>/node_modules/a
      Have one for both: npm install silane"
    `)
  })

  describe('of a command for the whole machine', () => {
    const globally = (version: string) => {
      const { 'node_modules/a/package.json': manifest, 'node_modules/a/index.js': code } = installed('a')
      const prefix = write(temporary(), {
        'lib/node_modules/silane/package.json': { name: 'silane' },
        'lib/node_modules/silane/node_modules/@silane/core/package.json': core(),
        'lib/node_modules/a/package.json': manifest,
        'lib/node_modules/a/index.js': code,
        'lib/node_modules/a/node_modules/@silane/core/package.json': core(version),
      })
      return join(prefix, 'lib/node_modules/silane')
    }

    test('is there twice by the way npm installs such', async () => {
      expect(await check(temporary(), globally('1.0.0'))).toBe('')
    })

    test('is there in two versions', async () => {
      expect(await check(temporary(), globally('2.0.0'))).toMatchInlineSnapshot(`
        "E_CORE_TWICE a@1.2.3 has a copy of the core of its own: 1.0.0 in <host>/node_modules/silane/node_modules/@silane/core, 2.0.0 in <host>/node_modules/a/node_modules/@silane/core.
        <host>/node_modules/a
        Have one for both: npm install -g silane@latest a@latest"
      `)
    })
  })
})

describe('a plugin that is listed and not installed', () => {
  test('by the package.json', async () => {
    const cwd = project(
      {},
      { dependencies: { '@silane/plugin-x': '1', 'silane-plugin-y': '1', lodash: '1' }, optionalDependencies: { 'silane-plugin-z': '1' } },
    )
    expect(await check(cwd)).toMatchInlineSnapshot(`
      "E_PLUGIN_MISSING @silane/plugin-x is listed and not installed.
      <project>/package.json
      Install it: npm install

      E_PLUGIN_MISSING silane-plugin-y is listed and not installed.
      <project>/package.json
      Install it: npm install"
    `)
  })

  test('by silane.plugins', async () => {
    expect(await check(project({}, { silane: { plugins: ['silane-plugin-y', './here'] } }))).toMatchInlineSnapshot(`
      "E_PLUGIN_MISSING silane-plugin-y is listed and not installed.
      <project>/package.json
      Install it: npm install silane-plugin-y

      E_PLUGIN_MISSING ./here is listed and not installed.
      <project>/package.json
      Correct the path in "silane.plugins" of <project>/package.json."
    `)
  })
})

describe('two plugins', () => {
  test('of one id', async () => {
    expect(await check(project({ ...installed('a'), ...installed('b', { id: 'a' }) }))).toMatchInlineSnapshot(`
      "E_PLUGIN_TWICE These plugins have the same id, "a": a@1.2.3, b@1.2.3.
      <project>/node_modules/a, <project>/node_modules/b
      Remove one: npm uninstall b. To keep both, name the package with --plugin, not the id."
    `)
  })

  const claiming = (...claims: readonly object[]) =>
    project(Object.assign({}, ...claims.map((claim, i) => installed(`p${i}`, { claims: [claim] }))))

  test('with equal claims', async () => {
    const one = { modelType: 'm', architectures: ['A', 'B'], when: { config: { k: 1, l: 2 }, files: ['f', 'g'] } }
    const other = { modelType: 'm', architectures: ['B', 'C'], when: { files: ['g', 'f'], config: { l: 2, k: 1 } } }
    expect(await check(claiming(one, other))).toMatchInlineSnapshot(`
      "E_PLUGIN_CLAIMS These plugins claim the same checkpoints with equal right: p0@1.2.3, p1@1.2.3 (m (A, B), config k = 1, config l = 2, file f, file g).
      <project>/node_modules/p0, <project>/node_modules/p1
      Remove one: npm uninstall p1. To keep both, choose one for each model with --plugin."
    `)
    expect(await check(claiming({ modelType: 'm' }, { modelType: 'm' }))).toContain('E_PLUGIN_CLAIMS')
  })

  test('whose claims differ by something', async () => {
    const claim = { modelType: 'm', architectures: ['A'] }
    for (const other of [
      { modelType: 'n', architectures: ['A'] },
      { modelType: 'm', architectures: ['B'] },
      { modelType: 'm' },
      { ...claim, when: { config: { k: 1 } } },
    ])
      expect(await check(claiming(claim, other))).toBe('')
  })
})

test('commands are those of the package manager', async () => {
  const twice = { ...installed('a'), 'node_modules/a/node_modules/@silane/core/package.json': core() }
  const commands = async (files: object) => /Have one for both: (.*)/.exec(await check(project({ ...twice, ...files })))?.[1]
  expect(await commands({ 'package-lock.json': {} })).toBe('npm dedupe')
  expect(await commands({ 'pnpm-lock.yaml': '' })).toBe('pnpm dedupe')
  expect(await commands({ 'yarn.lock': '__metadata:\n  version: 8\n' })).toBe('yarn dedupe')
  expect(await commands({ 'yarn.lock': '# yarn lockfile v1\n' })).toBe('npx yarn-deduplicate && yarn install')
  expect(await commands({ 'package.json': { name: 'app', packageManager: 'pnpm@10.0.0', dependencies: { a: '*' } } })).toBe('pnpm dedupe')
  vi.stubEnv('npm_config_user_agent', 'yarn/4.1.0 npm/? node/v24')
  expect(await commands({})).toBe('yarn dedupe')
})

describe('the command line', () => {
  let out = ''
  beforeEach(() => {
    out = ''
    vi.spyOn(process.stdout, 'write').mockImplementation(text => {
      out += text
      return true
    })
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  })
  const broken = () => write(temporary(), { 'package.json': pluginPackage('mine', { id: 'mine' }), 'index.js': "import 'not-there'" })

  test.each([[['plugins', '--check']], [['doctor']]])('%j exits with 1 where something is wrong, else with 0', async argv => {
    expect(await main([...argv, '--plugin', 'bert'])).toBe(0)
    expect(out).toMatch(/@silane\/plugin-bert@\S+ +bert +ok/)
    out = ''
    expect(await main([...argv, '--plugin', broken()])).toBe(1)
    expect(out).toMatch(/mine@1\.2\.3 +mine +see below .*\n\n.*E_PLUGIN_LOAD mine@1\.2\.3 cannot be loaded/)
    out = ''
    expect(await main([...argv, '--plugin', broken(), '--json'])).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      plugins: [{ id: 'mine', ok: false }],
      problems: [{ code: 'E_PLUGIN_LOAD', packages: ['mine'] }],
    })
    expect(await main([...argv, '--plugin', 'brt'])).toBe(2)
  })

  test('the list alone is no check', async () => {
    expect(await main(['plugins', '--plugin', broken()])).toBe(0)
    expect(out).toContain('cannot be loaded')
  })

  test('the plugins of this repository are well', async () => {
    expect(await main(['doctor', '--json'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ ok: true, problems: [] })
  })
})

const npm = (cwd: string, ...args: readonly string[]) =>
  spawnSync('npm', [...args, '--offline', '--no-audit', '--no-fund'], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, npm_config_cache: join(cwd, '.npm') },
  })

describe.skipIf(spawnSync('npm', ['--version']).status !== 0)('the command that is said mends it, with npm', () => {
  /** A project whose packages npm has installed, from tarballs of their own. */
  function real(packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
    const root = temporary()
    const cwd = join(root, 'app')
    mkdirSync(cwd)
    const dependencies: Record<string, string> = {}
    for (const [name, files] of Object.entries(packages)) {
      write(join(root, name), files)
      const { stdout } = npm(join(root, name), 'pack', '--silent')
      dependencies[name] = `file:../${name}/${stdout.trim()}`
    }
    write(cwd, { 'package.json': { name: 'app', dependencies } })
    const { status, stderr } = npm(cwd, 'install')
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('npm error')])
    return cwd
  }
  const host = () => join(temporary(), 'silane')
  const plugin = (name: string, id: string) => ({ 'package.json': pluginPackage(name, { id }), 'index.js': good(id) })
  const commandIn = (text: string) => /npm [a-z -]*(?:silane-plugin-\w+)?/.exec(text)?.[0].trim().split(' ').slice(1) ?? []

  test.each([
    ['not installed', ['silane-plugin-a'], ['uninstall', '--no-save', 'silane-plugin-a'], 'E_PLUGIN_MISSING', ['install']],
    ['of the same id', ['silane-plugin-a', 'silane-plugin-b'], undefined, 'E_PLUGIN_TWICE', ['uninstall', 'silane-plugin-b']],
  ])('%s', { timeout: 120_000 }, async (_, names, spoil, code, command) => {
    const cwd = real(Object.fromEntries(names.map(name => [name, plugin(name, 'a')])))
    if (spoil) npm(cwd, ...spoil)
    const text = await check(cwd, host())
    expect(text).toContain(code)
    expect(commandIn(text)).toEqual(command)
    expect(npm(cwd, ...command).status).toBe(0)
    expect(await check(cwd, host())).toBe('')
  })

  test('lacking a dependency', { timeout: 120_000 }, async () => {
    const dependent = {
      'package.json': pluginPackage('silane-plugin-a', { id: 'a' }, { dependencies: { needed: 'file:../needed/needed-1.0.0.tgz' } }),
      'index.js': `import 'needed'\n${good('a')}`,
    }
    const cwd = real({
      needed: { 'package.json': { name: 'needed', version: '1.0.0', exports: './index.js' }, 'index.js': '' },
      'silane-plugin-a': { ...dependent, 'package.json': { ...dependent['package.json'], dependencies: {}, peerDependencies: {} } },
    })
    expect(await check(cwd, host())).toBe('')
    spawnSync('rm', ['-r', join(cwd, 'node_modules/needed')])
    const text = await check(cwd, host())
    expect(text).toContain('E_PLUGIN_LOAD')
    expect(text).toContain('Install what is missing: npm install.')
    expect(npm(cwd, 'install').status).toBe(0)
    expect(await check(cwd, host())).toBe('')
  })
})
