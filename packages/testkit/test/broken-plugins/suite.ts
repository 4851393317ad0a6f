import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { PluginContract } from '@silane/core'
import { afterAll, describe } from 'vitest'
import { pluginConformance } from '../../src/index.ts'
import { type Variant, variants } from './variants.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const bert = join(here, '../../../../plugins/bert/fixtures')
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'silane-broken-')))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

// pnpm packs without asking a registry, in a twentieth of the time that npm takes.
writeFileSync(join(scratch, 'pnpm-lock.yaml'), '')
for (const name of ['@silane/core', 'zod']) {
  const link = join(scratch, 'node_modules', name)
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(realpathSync(join(here, '../../node_modules', name)), link, 'junction')
}

const source = readFileSync(join(here, 'tiny.ts'), 'utf8')

/** Writes a variant as a package of its own, built. */
function write(fault: string, { files = {}, manifest = {}, silane = {}, fixtures = [] }: Variant): string {
  const root = join(scratch, fault)
  for (const name of ['base', ...fixtures]) cpSync(join(bert, name), join(root, 'fixtures', name), { recursive: true })
  const code = source.replace("const fault: string = 'none'", `const fault: string = '${fault}'`)
  const json = {
    name: `silane-plugin-${fault}`,
    version: '1.0.0',
    type: 'module',
    license: 'MIT',
    keywords: ['silane-plugin'],
    exports: './index.js',
    files: ['index.js', 'index.ts'],
    silane: {
      apiVersion: 1,
      id: 'tiny',
      claims: [{ modelType: 'bert', architectures: ['BertModel'] }],
      tasks: ['feature-extraction'],
      ...silane,
    },
    dependencies: { zod: '^4.6.7' },
    peerDependencies: { '@silane/core': '^1.0.0' },
    ...manifest,
  }
  const all = {
    'index.js': stripTypeScriptTypes(code),
    LICENSE: 'MIT\n',
    'README.md': '# tiny\n',
    'package.json': JSON.stringify(json),
    ...files,
  }
  for (const [name, text] of Object.entries(all)) if (text !== null) writeFileSync(join(root, name), text)
  return root
}

for (const [fault, variant] of Object.entries(variants)) {
  const root = write(fault, variant)
  const { default: plugin } = (await import(pathToFileURL(join(root, 'index.js')).href)) as { default: PluginContract }
  describe(fault, () => pluginConformance(plugin, { root }))
}
