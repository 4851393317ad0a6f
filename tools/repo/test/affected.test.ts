import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const names = (pattern: string): string[] =>
  globSync(pattern, { cwd: root })
    .map((file): string => JSON.parse(readFileSync(join(root, file), 'utf8')).name)
    .sort()

/** The projects whose tasks `nx affected` runs for a change of a file, of those that are published. */
const affected = (file: string): string[] => {
  const output = execFileSync(join(root, 'node_modules/.bin/nx'), ['show', 'projects', '--affected', '--json', `--files=${file}`], {
    cwd: root,
    encoding: 'utf8',
  })
  const projects: string[] = JSON.parse(output)
  return projects.sort()
}

// A plugin that no other is made from, and one that others are.
test('a change of a plugin has the tasks of that plugin run, and of those made from it', () => {
  expect(affected('plugins/sam/src/index.ts')).toEqual(['@silane/plugin-sam'])
  const made = globSync('plugins/*/package.json', { cwd: root })
    .map(file => JSON.parse(readFileSync(join(root, file), 'utf8')))
    .filter(manifest => manifest.dependencies?.['@silane/plugin-bert'] !== undefined)
    .map(({ name }): string => name)
  expect(affected('plugins/bert/src/index.ts')).toEqual(['@silane/plugin-bert', ...made].sort())
})

test('a change of the core has those of every plugin run, and of every package that carries the contract', () => {
  const projects = affected('packages/core/src/index.ts')
  const independent = ['@silane/onnxruntime-wasm']
  expect(projects).toEqual(expect.arrayContaining([...names('plugins/*/package.json'), 'silane', '@silane/testkit']))
  expect(names('packages/*/package.json').filter(name => !projects.includes(name))).toEqual(independent)
})

test('a page of the repository has none run', () => {
  expect(affected('README.md')).toEqual([])
})

test('tests against a registry are never taken from the cache, others are', () => {
  const cached = (project: string): unknown => {
    const shown = execFileSync(join(root, 'node_modules/.bin/nx'), ['show', 'project', project, '--json'], { cwd: root, encoding: 'utf8' })
    return JSON.parse(shown).targets.test.cache
  }
  expect(cached('@silane/release')).toBe(false)
  expect(cached('@silane/core')).toBe(true)
})
