import { join } from 'node:path'
import type { Checkpoint, Json } from '@silane/core'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { choosePlugin } from '../src/plugins/choose-plugin.ts'
import { discoverPlugins } from '../src/plugins/discover-plugins.ts'
import { knownPlugins } from '../src/plugins/known-plugins.ts'
import { pluginPackage, project, temporary, write } from './workspace.ts'

// The workspace has all plugins of the table; here a machine is meant that has those of its own project alone.
vi.mock(import('../src/plugins/find-package.ts'), async original => {
  const real = await original()
  const isOwn = (from: string) => from.includes('silane-test-')
  return { ...real, installedPackage: (name, from) => (isOwn(from) ? real.installedPackage(name, from) : undefined) }
})

beforeEach(() => {
  vi.stubEnv('npm_config_user_agent', '')
  return () => vi.unstubAllEnvs()
})

interface Facts {
  readonly config?: { readonly [key: string]: Json }
  readonly tensors?: readonly string[]
}

const checkpoint = ({ config = {}, tensors = [] }: Facts): Checkpoint => ({
  location: 'org/model@main',
  id: 'org/model',
  revision: 'main',
  config,
  files: ['config.json', 'model.safetensors'],
  has: file => file === 'config.json' || file === 'model.safetensors',
  json: () => undefined,
  path: file => file,
  folder: () => checkpoint({}),
  sentenceModules: () => undefined,
  sentenceSettings: () => undefined,
  tokenLimit: () => undefined,
  imageProcessor: () => undefined,
  tensorNames: tensors,
  tensor: () => undefined,
})

const known = (id: string) => {
  const plugin = knownPlugins.find(found => found.id === id)
  if (!plugin) throw new Error(id)
  return pluginPackage(plugin.package, { id, claims: plugin.claims })
}

/** What is chosen with these of our plugins installed, and the note or the last line of the error. */
function choose(installed: readonly string[], facts: Facts, files: Readonly<Record<string, unknown>> = {}): string {
  const packages = installed.map(known)
  const cwd = write(project(Object.fromEntries(packages.map(found => [found.name, found]))), files)
  try {
    const { plugin, note } = choosePlugin(discoverPlugins({ cwd, host: join(temporary(), 'silane') }), checkpoint(facts), {})
    return [plugin.package, ...(note === undefined ? [] : [note])].join(': ')
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${error.code}: ${error.message.split('\n').at(-1)}` : String(error)
  }
}

describe('the message names the plugin that claims the checkpoint, by all its conditions', () => {
  const bert = { model_type: 'bert', architectures: ['BertForMaskedLM'] }
  const mosaic = { ...bert, alibi_starting_size: 512 }

  test.each<[string, Facts, string]>([
    [
      'a model type',
      { config: { model_type: 'camembert' } },
      'E_MODEL_TYPE: Install the plugin for it: npm install @silane/plugin-roberta',
    ],
    [
      'a model type with more than one plugin',
      { config: bert },
      'E_MODEL_TYPE: Install the plugin for it: npm install @silane/plugin-bert',
    ],
    ['a key of MosaicBERT', { config: mosaic }, 'E_MODEL_TYPE: Install the plugin for it: npm install @silane/plugin-mosaicbert'],
    [
      'a tensor of MosaicBERT',
      { config: bert, tensors: ['bert.encoder.layer.0.attention.self.Wqkv.weight'] },
      'E_MODEL_TYPE: Install the plugin for it: npm install @silane/plugin-mosaicbert',
    ],
    [
      'the architecture of UniRel',
      { config: { model_type: 'bert', architectures: ['UniRelModel'] } },
      'E_MODEL_TYPE: Install the plugin for it: npm install @silane/plugin-unirel',
    ],
    [
      'an architecture without a model type',
      { config: { architectures: ['AlbertModel'] } },
      'E_NO_MODEL_TYPE: Install the plugin for it: npm install @silane/plugin-albert',
    ],
  ])('%s', (_, facts, said) => expect(choose([], facts)).toBe(said))

  test('where a plugin of the family is installed and does not have the architecture', () => {
    expect(choose(['bert'], { config: { model_type: 'bert', architectures: ['UniRelModel'] } })).toBe(
      'E_ARCHITECTURE: Install the plugin for it: npm install @silane/plugin-unirel',
    )
    expect(choose(['unirel'], { config: bert })).toBe('E_ARCHITECTURE: Install the plugin for it: npm install @silane/plugin-bert')
  })

  test('where one that is installed claims it in passing', () => {
    expect(choose(['bert'], { config: mosaic })).toBe(
      '@silane/plugin-bert: @silane/plugin-mosaicbert is made for this checkpoint (config.json has "alibi_starting_size") and is not installed: npm install @silane/plugin-mosaicbert',
    )
    expect(choose(['bert'], { config: bert })).toBe('@silane/plugin-bert')
    expect(choose(['bert', 'mosaicbert'], { config: mosaic })).toBe('@silane/plugin-mosaicbert')
  })

  test('in the words of the package manager', () => {
    const facts = { config: { model_type: 'camembert' } }
    for (const [lock, text, command] of [
      ['pnpm-lock.yaml', '', 'pnpm add'],
      ['yarn.lock', '# yarn lockfile v1\n', 'yarn add'],
      ['yarn.lock', '__metadata:\n', 'yarn add'],
      ['package-lock.json', '{}', 'npm install'],
    ] as const)
      expect(choose([], facts, { [lock]: text })).toBe(`E_MODEL_TYPE: Install the plugin for it: ${command} @silane/plugin-roberta`)
  })

  test('one that package.json lists is installed with the rest', () => {
    const listed = { 'package.json': { name: 'app', dependencies: { '@silane/plugin-roberta': '^1.0.0' } } }
    expect(choose([], { config: { model_type: 'camembert' } }, listed)).toBe('E_MODEL_TYPE: Install the plugin for it: npm install')
  })
})
