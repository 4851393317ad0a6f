import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A folder that is gone after the test. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'silane-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files, given by path; objects as JSON. */
export function write(folder: string, files: Readonly<Record<string, unknown>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content))
  }
  return folder
}

/** The package.json of a plugin. */
export const pluginPackage = (
  name: string,
  block: Readonly<Record<string, unknown>> = {},
  rest: Readonly<Record<string, unknown>> = {},
) => ({
  name,
  version: '1.2.3',
  type: 'module',
  keywords: ['silane-plugin'],
  exports: './index.js',
  silane: { apiVersion: 1, id: 'toy', claims: [{ modelType: 'toy' }], tasks: ['fill-mask'], ...block },
  ...rest,
})

/** A project that lists plugins as dependencies and has them installed. */
export function project(plugins: Readonly<Record<string, object>>, rest: Readonly<Record<string, unknown>> = {}): string {
  const names = Object.keys(plugins)
  const files = Object.fromEntries(names.map(name => [`node_modules/${name}/package.json`, plugins[name]]))
  return write(temporary(), {
    'package.json': { name: 'app', dependencies: Object.fromEntries(names.map(name => [name, '*'])), ...rest },
    ...files,
  })
}

const fixtures = fileURLToPath(new URL('../../../plugins/bert/fixtures', import.meta.url))

/** The path of a checkpoint of the BERT plugin. */
export const fixture = (name: string): string => join(fixtures, name)

/** A copy of one that a test may break. */
export function copyOf(name: string): string {
  const folder = join(temporary(), name)
  cpSync(fixture(name), folder, { recursive: true })
  return folder
}

/** Changes the floats of a tensor in a safetensors file. */
export function change(file: string, name: string, value: (old: number, index: number) => number): void {
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header: Record<string, { data_offsets: [number, number] }> = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const [begin, end] = header[name]!.data_offsets
  for (let at = begin; at < end; at += 4) bytes.writeFloatLE(value(bytes.readFloatLE(8 + length + at), (at - begin) / 4), 8 + length + at)
  writeFileSync(file, bytes)
}

const sourceOf = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href)

/** A folder with a plugin for BertModel, whose code has our plugin as `bert` and the core as `core`. */
export const bertPlugin = (name: string, code: string): string =>
  write(temporary(), {
    'package.json': pluginPackage(
      name,
      { id: 'bert', claims: [{ modelType: 'bert', architectures: ['BertModel'] }], tasks: ['feature-extraction'], status: 'experimental' },
      { exports: { '.': './index.mjs', './package.json': './package.json' } },
    ),
    'index.mjs': `import bert from ${sourceOf('plugins/bert/src/index.ts')}\nimport * as core from ${sourceOf('packages/core/src/index.ts')}\n${code}\n`,
  })
