import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import semver from 'semver'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPlugin, run } from '../src/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
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

  test('knows itself', () => {
    const { version } = JSON.parse(read(root, 'package.json'))
    expect(said('--version')).toEqual({ code: 0, text: version })
    expect(said('--help')).toMatchObject({ code: 0, text: expect.stringContaining('--scope SCOPE') })
    const program = join(root, 'bin/create-silane-plugin.js')
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
