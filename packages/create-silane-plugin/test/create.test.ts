import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import semver from 'semver'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPlugin, run } from '../src/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'bin/create-silane-plugin.js')
let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'silane-create-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const read = (...path: string[]): string => readFileSync(join(...path), 'utf8')

describe('a new plugin', () => {
  test('has its names wherever they belong, and none of the template is left', () => {
    const created = createPlugin({ name: 'tiny-net', scope: 'acme', author: 'Jane Doe', cwd })
    expect(created).toEqual({ folder: join(cwd, 'silane-plugin-tiny-net'), name: '@acme/silane-plugin-tiny-net', id: 'tiny-net' })
    const { folder } = created
    expect(JSON.parse(read(folder, 'package.json'))).toMatchObject({
      name: '@acme/silane-plugin-tiny-net',
      version: '0.1.0',
      author: 'Jane Doe',
      keywords: expect.arrayContaining(['silane-plugin']),
      silane: { apiVersion: 1, id: 'tiny-net' },
      exports: { '.': { default: './dist/index.js' } },
    })
    expect(read(folder, 'src/index.ts')).toContain("id: 'tiny-net'")
    expect(read(folder, 'LICENSE')).toContain(`Copyright (c) ${new Date().getFullYear()} Jane Doe`)
    expect(read(folder, 'README.md')).toContain('npm install silane @acme/silane-plugin-tiny-net')
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    for (const entry of files.filter(({ name }) => !name.endsWith('.safetensors'))) {
      expect(read(entry.parentPath, entry.name), entry.name).not.toMatch(/my-model|\{\{\w+\}\}/)
    }
    const names = ['.gitignore', 'tsconfig.json', '.changeset/config.json', '.github/workflows/release.yml', 'fixtures/base/case.json']
    for (const name of names) expect(existsSync(join(folder, name)), name).toBe(true)
  })

  test('without a scope and an author', () => {
    const { folder, name } = createPlugin({ name: 'silane-plugin-x', dir: 'here', cwd })
    expect([folder, name]).toEqual([join(cwd, 'here'), 'silane-plugin-x'])
    expect(JSON.parse(read(folder, 'package.json'))).not.toHaveProperty('author')
    expect(read(folder, 'LICENSE')).toContain('the authors of silane-plugin-x')
  })

  test('goes into a folder that is empty, and into no other', () => {
    mkdirSync(join(cwd, 'empty'))
    createPlugin({ name: 'x', dir: 'empty', cwd })
    const before = readdirSync(join(cwd, 'empty'))
    expect(() => createPlugin({ name: 'x', dir: 'empty', cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_EXISTS', exitCode: 2 }))
    expect(readdirSync(join(cwd, 'empty'))).toEqual(before)
    writeFileSync(join(cwd, 'file'), '')
    expect(() => createPlugin({ name: 'x', dir: 'file', cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_WRITE' }))
    expect(() => createPlugin({ name: 'x', dir: 'file/below', cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_WRITE' }))
  })

  test.skipIf(process.platform === 'win32')('goes into a folder that a link leads to', () => {
    mkdirSync(join(cwd, 'empty'))
    symlinkSync(join(cwd, 'empty'), join(cwd, 'link'))
    expect(createPlugin({ name: 'x', dir: 'link', cwd }).folder).toBe(join(cwd, 'link'))
    expect(existsSync(join(cwd, 'empty/package.json'))).toBe(true)
    symlinkSync(join(cwd, 'nowhere'), join(cwd, 'dangling'))
    expect(() => createPlugin({ name: 'x', dir: 'dangling', cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_WRITE' }))
    expect(() => createPlugin({ name: 'x', dir: 'a\0b', cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_WRITE' }))
  })

  test.skipIf(process.platform !== 'linux')('is not tried for ever where no folders can be', () => {
    const run = spawnSync(process.execPath, [program, 'x', '--dir', '/proc/x/y'], { encoding: 'utf8', timeout: 10_000 })
    expect(run).toMatchObject({ status: 2, stderr: expect.stringMatching(/^E_CREATE_WRITE: /) })
  })

  test.skipIf(process.platform === 'win32')('leaves nothing behind where it cannot be written whole', () => {
    mkdirSync(join(cwd, 'empty'))
    // Files may have so many blocks of 512 or 1024 bytes.
    for (const dir of ['empty', 'deep/er'])
      expect(
        spawnSync('sh', ['-c', 'ulimit -f 2; exec "$0" "$@"', process.execPath, program, 'x', '--dir', dir], { cwd, encoding: 'utf8' }),
      ).toMatchObject({ status: 2, stderr: expect.stringMatching(/^E_CREATE_WRITE: /) })
    expect(readdirSync(cwd, { recursive: true })).toEqual(['empty'])
  })

  test('has the author as given, who has one line', () => {
    const author = "Cash $& Co $' <$1>"
    const { folder } = createPlugin({ name: 'x', author, cwd })
    expect(read(folder, 'LICENSE')).toContain(`Copyright (c) ${new Date().getFullYear()} ${author}\n`)
    for (const wrong of ['a\nb', 'a\u2028b', 'a\u001b[31m'])
      expect(() => createPlugin({ name: 'y', author: wrong, cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_USAGE' }))
    expect(readdirSync(cwd)).toEqual(['silane-plugin-x'])
  })

  test.each(['', 'Upper', 'a_b', 'a b', '-a', 'a-', 'a--b', '../up', 'silane-plugin-', 'ü'])('is not called "%s"', name => {
    expect(() => createPlugin({ name, cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_NAME' }))
    expect(readdirSync(cwd)).toEqual([])
  })

  test.each(['', '@', 'Acme', 'a/b', '.a'])('has no scope "%s"', scope => {
    expect(() => createPlugin({ name: 'x', scope, cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_NAME' }))
  })

  test('has a name that npm takes', () => {
    expect(() => createPlugin({ name: 'x'.repeat(201), cwd })).toThrow(expect.objectContaining({ code: 'E_CREATE_NAME' }))
    expect(createPlugin({ name: 'x'.repeat(200), dir: 'x', cwd }).name).toHaveLength(214)
  })
})

describe('the command', () => {
  const said = (...args: string[]) => {
    const out: string[] = []
    const code = run(
      args,
      text => out.push(text),
      text => out.push(text),
    )
    return { code, text: out.join('\n') }
  }

  test('says what is next', () => {
    const { code, text } = said('x', '--dir', join(cwd, 'x'), '--scope', '@acme')
    expect(code).toBe(0)
    expect(text).toContain('@acme/silane-plugin-x is written to')
    expect(text).toContain('npm install\n  npm test')
  })

  test('refuses what it does not know', () => {
    expect(said()).toMatchObject({ code: 2, text: expect.stringContaining('E_CREATE_USAGE: The name of the plugin is missing.') })
    expect(said('a', 'b')).toMatchObject({ code: 2, text: expect.stringContaining('E_CREATE_USAGE: One name is expected, and b besides.') })
    expect(said('a', '--colour')).toMatchObject({ code: 2, text: expect.stringContaining("E_CREATE_USAGE: Unknown option '--colour'.") })
    expect(said('a', '--dir')).toMatchObject({ code: 2, text: expect.stringContaining('E_CREATE_USAGE: ') })
  })

  test('spells out what would move the cursor or write backwards', () => {
    const odd = 'a\u001b[31m\u202eb\nc'
    const spelled = 'a\\u001b[31m\\u202eb\\u000ac'
    expect(said(odd).text).toContain(`E_CREATE_NAME: "${spelled}"`)
    expect(said('x', '--scope', odd).text).toContain(spelled)
    expect(said('x', odd).text).toContain(spelled)
    expect(said('x', '--dir', join(cwd, odd))).toMatchObject({ code: 0, text: expect.stringContaining(spelled) })
    expect(said('x', '--dir', join(cwd, odd))).toMatchObject({ code: 2, text: expect.stringContaining(spelled) })
  })

  test.skipIf(process.platform === 'win32')('is told that the working directory has gone', () => {
    const away = ['-c', 'cd "$0" && rmdir "$0" && exec "$@"']
    const gone = join(cwd, 'gone')
    const run = (...args: string[]) => {
      mkdirSync(gone)
      return spawnSync('sh', [...away, gone, process.execPath, program, ...args], { encoding: 'utf8' })
    }
    expect(run('x')).toMatchObject({ status: 2, stderr: expect.stringMatching(/^E_CREATE_WRITE: silane-plugin-x cannot be written: /) })
    const elsewhere = join(cwd, 'x')
    expect(run('x', '--dir', elsewhere)).toMatchObject({ status: 0, stdout: expect.stringContaining(`is written to ${elsewhere}`) })
  })

  test.skipIf(process.platform !== 'linux')('says where nothing can be printed', () => {
    const run = spawnSync('sh', ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, program, '--help'], { encoding: 'utf8' })
    expect(run).toMatchObject({ status: 2, stderr: expect.stringMatching(/^E_CREATE_PRINT: /) })
  })

  test('knows itself', () => {
    const { version } = JSON.parse(read(root, 'package.json'))
    expect(said('--version')).toEqual({ code: 0, text: version })
    expect(said('--help')).toMatchObject({ code: 0, text: expect.stringContaining('--scope SCOPE') })
    expect(execFileSync(process.execPath, [program, '--version'], { encoding: 'utf8' })).toBe(`${version}\n`)
  })
})

test('the template asks for what this workspace has', () => {
  const template = JSON.parse(read(root, 'template/manifest.json'))
  const { devDependencies } = JSON.parse(read(root, '../../package.json'))
  const ranges: Record<string, string> = { ...template.devDependencies, ...template.dependencies }
  const version = (name: string): string => {
    const folder = { silane: 'silane', '@silane/core': 'core', '@silane/testkit': 'testkit' }[name]
    if (folder !== undefined) return JSON.parse(read(root, `../${folder}/package.json`)).version
    return devDependencies[name] ?? JSON.parse(read(root, `../testkit/node_modules/${name}/package.json`)).version
  }
  expect(Object.entries(ranges).filter(([name, range]) => !semver.satisfies(version(name), range))).toEqual([])
  expect(template.peerDependencies).toEqual({ '@silane/core': ranges['@silane/core'] })
})
