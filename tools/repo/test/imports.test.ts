import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What the sources of a package may import of ours (docs/architecture.md, Packages). */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'packages/core': [],
  'packages/create-silane-plugin': [],
  'packages/checkpoint': ['@silane/core'],
  'packages/onnx': ['@silane/core'],
  'packages/coreml': ['@silane/core'],
  'packages/onnxruntime-wasm': [],
  'packages/runtime': ['@silane/core', '@silane/onnx', '@silane/onnxruntime-wasm'],
  'packages/documents': ['@silane/core'],
  'packages/images': ['@silane/core'],
  'packages/silane': [
    '@silane/checkpoint',
    '@silane/core',
    '@silane/coreml',
    '@silane/documents',
    '@silane/images',
    '@silane/onnx',
    '@silane/runtime',
  ],
  'packages/testkit': ['@silane/checkpoint', '@silane/core', '@silane/coreml', '@silane/onnx', '@silane/runtime', 'silane'],
}

const packages = globSync(['packages/*', 'plugins/*'], { cwd: root })
  .map(path => path.replaceAll('\\', '/'))
  .filter(path => globSync(`${path}/src/**/*.ts`, { cwd: root }).length > 0)
  .sort()

/** Module names that a file imports, whether for types or for values. */
const imports = (file: string): string[] =>
  [
    ...readFileSync(join(root, file), 'utf8').matchAll(
      /^(?:import|export)\b[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm,
    ),
  ].map(match => (match[1] ?? match[2] ?? match[3]) as string)

it.each(packages)('%s imports what it may', path => {
  // A plugin may build on another one's model, which is an ordinary dependency of its package.json.
  const may = path.startsWith('plugins/') ? ['@silane/core', ...modelsOf(path)] : (allowed[path] ?? ['silane', '@silane/core'])
  const wrong: string[] = []
  for (const file of globSync(`${path}/src/**/*.ts`, { cwd: root })) {
    for (const name of imports(file)) {
      const ours = /^(silane(\/|$)|@silane\/)/.test(name)
      if (ours && !may.includes(name) && !(may.includes('@silane/core') && name === '@silane/core/options')) wrong.push(`${file}: ${name}`)
      if (name.startsWith('.') && !name.endsWith('.ts') && !name.endsWith('.json')) wrong.push(`${file}: ${name} without .ts`)
      if (name.startsWith('.') && !join('/', file, '..', name).startsWith(`/${path}/`)) wrong.push(`${file}: ${name} of another package`)
    }
  }
  expect(wrong).toEqual([])
})

it('core needs no library', () => {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as { dependencies?: object }
  expect(Object.keys(dependencies)).toEqual([])
  const foreign = globSync('packages/core/src/**/*.ts', { cwd: root }).flatMap(file => imports(file).filter(name => !name.startsWith('.')))
  expect(foreign).toEqual([])
})

/** The plugins that a plugin depends on. */
const pluginsOf = (path: string): string[] => {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  // What reads pictures for a plugin's programs comes with the plugin (`open-images.ts`) and is no plugin itself.
  return Object.keys(dependencies).filter(name => name.startsWith('@silane/') && name !== '@silane/images')
}
const modelsOf = (path: string): string[] => pluginsOf(path).map(name => `${name}/model`)

const plugins = packages.filter(path => path.startsWith('plugins/'))

it.each(plugins)('%s takes the core as a peer, and other plugins as dependencies with a caret range', path => {
  const { peerDependencies = {}, dependencies = {} } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >
  expect(peerDependencies['@silane/core']).toBe('workspace:^')
  for (const name of pluginsOf(path)) {
    expect(name).toMatch(/^@silane\/plugin-/)
    expect(dependencies[name]).toBe('workspace:^')
  }
})

it('no plugin builds on itself, directly or through others', () => {
  const byName = new Map(plugins.map(path => [`@silane/plugin-${path.slice('plugins/'.length)}`, pluginsOf(path)]))
  const reaches = (name: string, seen: readonly string[]): boolean =>
    (byName.get(name) ?? []).some(next => seen.includes(next) || reaches(next, [...seen, next]))
  expect([...byName.keys()].filter(name => reaches(name, [name]))).toEqual([])
})

it('the core names no file of a checkpoint or of a target, but for the configuration in messages', () => {
  const named = globSync('packages/core/src/**/*.ts', { cwd: root }).flatMap(path =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/(['"`])[\w./-]+\.(?:json|safetensors|bin|pth?|txt|onnx|mlpackage)\1/g)].map(
      ([text]) => `${path}: ${text}`,
    ),
  )
  expect(named.filter(text => !text.endsWith("'config.json'"))).toEqual([])
})
