import { join } from 'node:path'
import type { Checkpoint, Json } from '@silane/core'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { choosePlugin } from '../src/plugins/choose-plugin.ts'
import { discoverPlugins } from '../src/plugins/discover-plugins.ts'
import { pluginPackage, project, temporary } from './workspace.ts'

// The workspace has all of the table's packages installed.
vi.mock(import('../src/plugins/known-plugins.ts'), async original => {
  const { knownPlugins } = await original()
  return { knownPlugins: [...knownPlugins, { package: '@silane/plugin-elsewhere', id: 'elsewhere', claims: [{ modelType: 'elsewhere' }] }] }
})

// Commands are those of the package manager that runs the tests, unless a lock file says otherwise.
beforeEach(() => {
  vi.stubEnv('npm_config_user_agent', '')
  return () => vi.unstubAllEnvs()
})

interface Facts {
  readonly config?: { readonly [key: string]: Json }
  readonly files?: readonly string[]
  readonly tensors?: readonly string[]
}

const checkpoint = ({ config, files = ['model.safetensors'], tensors = [] }: Facts): Checkpoint => ({
  location: 'org/model@main',
  id: 'org/model',
  revision: 'main',
  config: config ?? {},
  files: config ? ['config.json', ...files] : files,
  has: file => (file === 'config.json' ? config !== undefined : files.includes(file)),
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

type Claims = Readonly<Record<string, readonly object[]>>

function choose(claims: Claims, facts: Facts, options = {}, explicit?: string[]) {
  const packages = Object.entries(claims).map(([name, list]) => [name, pluginPackage(name, { claims: list })])
  const discovery = discoverPlugins({ cwd: project(Object.fromEntries(packages)), explicit, host: join(temporary(), 'silane') })
  // Where a project lies differs from run to run.
  const { plugin, because } = choosePlugin({ ...discovery, looked: ['package.json'] }, checkpoint(facts), options)
  return [plugin.package, ...because]
}

const bert = { modelType: 'bert', architectures: ['BertModel', 'BertForMaskedLM'] }
const mosaic = { modelType: 'bert', when: { config: { alibi_starting_size: { exists: true } } } }

describe('the claim that fits best', () => {
  test('model type and architecture', () => {
    expect(choose({ b: [bert], a: [{ modelType: 'gpt2' }] }, { config: { model_type: 'bert', architectures: ['BertModel'] } })).toEqual([
      'b',
      'model_type is "bert"',
      'the architecture is BertModel',
    ])
  })

  test('a configuration without architectures', () => {
    expect(choose({ b: [bert] }, { config: { model_type: 'bert' } })).toEqual(['b', 'model_type is "bert"'])
  })

  test('more conditions win', () => {
    const specific = [{ ...mosaic, architectures: ['BertForMaskedLM'] }]
    const config = { model_type: 'bert', architectures: ['BertForMaskedLM'] }
    expect(choose({ b: [bert], m: specific }, { config: { ...config, alibi_starting_size: 512 } })[0]).toBe('m')
    expect(choose({ b: [bert], m: specific }, { config })[0]).toBe('b')
  })

  test.each([
    ['*', 'a', true],
    ['a*', 'a', true],
    ['a*a', 'a', false],
    ['*.weight', 'b.weight', true],
    ['*.weight', 'b.weight.x', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a.b.b.c', true],
    ['a*b*bc', 'abc', false],
    ['a.b', 'axb', false],
    // Tried one by one, the ways in which stars can share a name have no end.
    [`${'*'.repeat(60)}zzz`, 'a'.repeat(10_000), false],
    [`${'*a'.repeat(60)}z`, 'a'.repeat(10_000), false],
  ])('the pattern %s against %s', (pattern, name, holds) => {
    const claims = { all: [{ when: { files: ['*'] } }], it: [{ when: { files: ['*'], tensors: [pattern] } }] }
    expect(choose(claims, { tensors: [name] })[0]).toBe(holds ? 'it' : 'all')
  })

  test('values and absence of keys, also inner ones', () => {
    const claims = {
      a: [{ modelType: 't', when: { config: { 'text_config.kind': 'x' } } }],
      b: [{ modelType: 't', when: { config: { text_config: { exists: false } } } }],
    }
    expect(choose(claims, { config: { model_type: 't', text_config: { kind: 'x' } } })[0]).toBe('a')
    expect(choose(claims, { config: { model_type: 't' } })[0]).toBe('b')
  })

  test('files and tensors, without any config.json', () => {
    const claims = {
      s: [{ when: { files: ['*.pth'], tensors: ['image_encoder.pos_embed', 'mask_decoder.*.weight'] } }],
    }
    const tensors = ['image_encoder.pos_embed', 'mask_decoder.head.weight']
    expect(choose(claims, { files: ['sam_vit_b.pth'], tensors })[0]).toBe('s')
    expect(() => choose(claims, { files: ['sam.bin'], tensors })).toThrow(/There is no config.json/)
  })

  test('options asked for', () => {
    const claims = { r: [{ modelType: 'roberta' }], g: [{ modelType: 'roberta', when: { options: { dataflow: true } } }] }
    expect(choose(claims, { config: { model_type: 'roberta' } }, { dataflow: 'true' })[0]).toBe('g')
    expect(choose(claims, { config: { model_type: 'roberta' } })[0]).toBe('r')
  })

  test.each<[string, Json | undefined]>([
    ['none', undefined],
    ['null', null],
    ['an empty list', []],
  ])('%s for architectures: the plugin with the plain model of the family', (_, architectures) => {
    const config = architectures === undefined ? {} : { architectures }
    const own = { modelType: 'xlm-roberta', architectures: ['XLMRobertaForMaskedLM', 'XLMRobertaModel'] }
    const other = { modelType: 'xlm-roberta', architectures: ['RelationModel'] }
    const facts = { config: { model_type: 'xlm-roberta', ...config } }
    expect(choose({ a: [other], z: [own] }, facts)).toEqual(['z', 'model_type is "xlm-roberta"'])
    expect(choose({ a: [other], z: [{ modelType: 'xlm-roberta' }] }, facts)[0]).toBe('z')
    // Where it is the only one, it is taken.
    expect(choose({ a: [other] }, facts)[0]).toBe('a')
    // What the configuration holds says more.
    const keyed = { ...other, when: { config: { num_rels: { exists: true } } } }
    expect(choose({ a: [keyed], z: [own] }, { config: { ...facts.config, num_rels: 3 } })[0]).toBe('a')
  })

  test('an architecture, where no model type is said', () => {
    const claims = { b: [bert], m: [{ ...mosaic, architectures: ['BertForMaskedLM'] }], o: [{ modelType: 'bert' }] }
    const config = { architectures: ['BertForMaskedLM'] }
    expect(choose(claims, { config })).toEqual(['b', 'the architecture is BertForMaskedLM'])
    expect(choose(claims, { config: { ...config, model_type: null } })[0]).toBe('b')
    expect(choose(claims, { config: { ...config, alibi_starting_size: 512 } })[0]).toBe('m')
    expect(() => choose(claims, { config: { ...config, model_type: 'other' } })).toThrow('No plugin claims the model type "other"')
  })

  test('less by what a checkpoint consists of than by its architecture, by that than by its model type', () => {
    const content = { when: { tensors: ['a', 'b', 'c'], files: ['vocab.txt'], config: { size: 1 } } }
    const facts = { files: ['vocab.txt'], tensors: ['a', 'b', 'c'] }
    const pick = (config: { readonly [key: string]: Json }) =>
      choose({ b: [bert], c: [content] }, { ...facts, config: { size: 1, ...config } })[0]
    expect(pick({ model_type: 'bert' })).toBe('b')
    expect(pick({ architectures: ['BertModel'] })).toBe('b')
    expect(pick({})).toBe('c')
  })

  test('by content only what asks for all that the other asks for, and more', () => {
    const [one, two] = [{ when: { tensors: ['a'] } }, { when: { tensors: ['a', 'b'] } }]
    const other = { when: { tensors: ['c', 'd', 'e'] } }
    expect(choose({ a: [one], z: [two] }, { tensors: ['a', 'b'] })[0]).toBe('z')
    expect(() => choose({ z: [two], o: [other] }, { tensors: ['a', 'b', 'c', 'd', 'e'] })).toThrow('with equal right: o@1.2.3, z@1.2.3')
  })

  test('files and tensors that must be missing, keys that must not have a value', () => {
    const claim = { when: { tensors: ['a', '!b.*'], files: ['vocab.txt', '!*.model'], config: { pad: { not: 1 } } } }
    const facts = { tensors: ['a'], files: ['vocab.txt'], config: { pad: 0 } }
    expect(choose({ a: [claim] }, facts)).toEqual([
      'a',
      '"pad" is not 1',
      'there is a file vocab.txt',
      'there is no file *.model',
      'there is a tensor a',
      'there is no tensor b.*',
    ])
    expect(choose({ a: [claim] }, { ...facts, config: {} })[0]).toBe('a')
    for (const change of [{ tensors: ['a', 'b.c'] }, { files: ['vocab.txt', 'spiece.model'] }, { config: { pad: 1 } }]) {
      expect(() => choose({ a: [claim] }, { ...facts, ...change })).toThrow('no plugin knows the checkpoint')
    }
  })

  test('null and an empty list are no value', () => {
    const claim = { modelType: 't', when: { config: { list: { exists: false } } } }
    for (const list of [null, []]) expect(choose({ a: [claim] }, { config: { model_type: 't', list } })[0]).toBe('a')
    expect(() => choose({ a: [claim] }, { config: { model_type: 't', list: [0] } })).toThrow('Not met')
  })

  test('--plugin decides by hand', () => {
    expect(choose({ a: [bert], b: [bert] }, { config: { model_type: 'bert' } }, {}, ['b'])).toEqual(['b', 'model_type is "bert"'])
    expect(choose({ a: [bert] }, { config: { model_type: 'other' } }, {}, ['a'])).toEqual(['a', 'chosen by --plugin'])
    expect(() => choose({ a: [bert], b: [bert] }, { config: { model_type: 'other' } }, {}, ['a', 'b'])).toThrow(/No plugin claims/)
  })
})

describe('no choice', () => {
  const message = (claims: Claims, facts: Facts): string => {
    try {
      return String(choose(claims, facts))
    } catch (error) {
      return error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : String(error)
    }
  }

  test('equal claims of two plugins', () => {
    expect(message({ a: [bert], '@s/b': [bert] }, { config: { model_type: 'bert', architectures: ['BertModel'] } })).toMatchInlineSnapshot(`
      "E_PLUGIN_AMBIGUOUS: These plugins claim the checkpoint with equal right: @s/b@1.2.3, a@1.2.3 (model_type is "bert", the architecture is BertModel).
      Looked in: org/model@main
      Choose one: --plugin @s/b"
    `)
  })

  test('equal claims of one plugin are fine', () => {
    expect(choose({ a: [bert, bert] }, { config: { model_type: 'bert' } })[0]).toBe('a')
  })

  test('an unknown model type', () => {
    expect(message({ a: [bert] }, { config: { model_type: 'mamba' } })).toMatchInlineSnapshot(`
      "E_MODEL_TYPE: No plugin claims the model type "mamba".
      Looked in: org/model@main, package.json; plugins seen: a@1.2.3
      Look for a package with the keyword silane-plugin: npm search keywords:silane-plugin. Or write one: npm create silane-plugin my-model"
    `)
  })

  test('a known one that is not installed', () => {
    expect(message({}, { config: { model_type: 'elsewhere' } })).toMatchInlineSnapshot(`
      "E_MODEL_TYPE: No plugin claims the model type "elsewhere".
      Looked in: org/model@main, package.json; plugins seen: none
      Install the plugin for it: npm install @silane/plugin-elsewhere"
    `)
  })

  test('another architecture of a known type', () => {
    expect(message({ a: [bert] }, { config: { model_type: 'bert', architectures: ['BertGenerationDecoder'] } })).toMatchInlineSnapshot(`
      "E_ARCHITECTURE: a reads "bert" checkpoints, but not the architecture BertGenerationDecoder. It knows: BertModel, BertForMaskedLM.
      Looked in: org/model@main
      To take it as one of these all the same: --plugin a --task …."
    `)
  })

  test('a claim with conditions that are not met', () => {
    expect(message({ m: [mosaic] }, { config: { model_type: 'bert' } })).toMatchInlineSnapshot(`
      "E_CLAIM_UNMET: m reads "bert" checkpoints of another kind. Not met: config.json has "alibi_starting_size".
      Looked in: org/model@main
      The plugin for it is installed, but no package.json that was looked at lists it: add --plugin bert."
    `)
  })

  test('no config.json', () => {
    expect(message({ a: [bert] }, { tensors: ['a', 'b', 'c', 'd'] })).toMatchInlineSnapshot(`
      "E_NO_CONFIG: There is no config.json, and no plugin knows the checkpoint by its files and tensors (a, b, c, …).
      Looked in: org/model@main; plugins seen: a@1.2.3
      Give the folder that holds config.json beside the weights, or choose a plugin with --plugin."
    `)
  })

  test('neither model type nor a known architecture', () => {
    expect(message({ a: [bert] }, { config: { architectures: ['Other'] }, tensors: ['a', 'b', 'c', 'd'] })).toMatchInlineSnapshot(`
      "E_NO_MODEL_TYPE: config.json names no model_type, and no plugin knows the checkpoint by its architectures (Other) or by its tensors and files (a, b, c, …).
      Looked in: org/model@main; plugins seen: a@1.2.3
      Choose a plugin with --plugin, or write the "model_type" of the family into config.json."
    `)
    expect(message({ a: [bert] }, { config: {}, tensors: ['a'] })).toMatchInlineSnapshot(`
      "E_NO_MODEL_TYPE: config.json names no model_type, and no plugin knows the checkpoint by its architectures (none) or by its tensors and files (a).
      Looked in: org/model@main; plugins seen: a@1.2.3
      Choose a plugin with --plugin, or write the "model_type" of the family into config.json."
    `)
  })

  test('a plugin for a newer API', () => {
    const cwd = project({ a: pluginPackage('a', { apiVersion: 2 }) })
    const discovery = discoverPlugins({ cwd, host: join(temporary(), 'silane') })
    expect(() => choosePlugin(discovery, checkpoint({ config: { model_type: 'toy' } }), {})).toThrow(
      /a@1.2.3 is newer than this silane: it is made for plugin API 2, this silane has 1\.\nLooked in: .*\nUpdate silane: npm install silane@latest/s,
    )
  })

  test('a broken plugin for this model type', () => {
    const cwd = project({ a: pluginPackage('a', { tasks: 1 }) })
    const discovery = discoverPlugins({ cwd, host: join(temporary(), 'silane') })
    expect(() => choosePlugin(discovery, checkpoint({ config: { model_type: 'toy' } }), {})).toThrow(/a@1.2.3 is not a usable plugin/)
  })
})
