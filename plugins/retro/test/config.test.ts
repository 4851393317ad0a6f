import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import {
  type Checkpoint,
  constantOf,
  operand,
  type PluginContract,
  printProgram,
  readAll,
  type SourceModel,
  scaleConstant,
} from '@silane/core'
import { inspect, loadRequest, parseModelFlags } from 'silane'
import { describe, expect, test } from 'vitest'
import retro from '../src/index.ts'

const plugin: PluginContract = retro

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

async function load(
  name: string,
  flags: readonly string[],
  change: (checkpoint: Checkpoint) => Partial<Checkpoint> = () => ({}),
): Promise<SourceModel> {
  const checkpoint = await openCheckpoint(fixture(name))
  try {
    const changed = { ...checkpoint, ...change(checkpoint) }
    return await plugin.load(loadRequest(changed, plugin, parseModelFlags(fixture(name), flags)))
  } finally {
    checkpoint.close()
  }
}

const said =
  (more: Checkpoint['config']) =>
  ({ config }: Checkpoint) => ({ config: { ...config, ...more } })

const renamed = (name: (old: string) => string) => (checkpoint: Checkpoint) => ({
  tensorNames: checkpoint.tensorNames.map(name),
  tensor: (asked: string) => checkpoint.tensor(checkpoint.tensorNames.find(old => name(old) === asked) ?? ''),
})

const option = (name: string, value: string | number): string[] => ['--option', `${name}=${value}`]

describe('what no weight tells', () => {
  test('is asked for by name', async () => {
    await expect(load('one-chunk', ['--seq', '5'])).rejects.toMatchObject({
      code: 'E_OPTION',
      what: 'Option chunk-size: neither config.json nor a weight says how many tokens a chunk has.',
    })
  })

  test('is not needed without retrieval', async () => {
    const { options, programs } = await load('one-chunk', ['--seq', '5', ...option('retrieval', 'false')])
    expect(options).toEqual({ seq: 5, retrieval: false, 'pad-id': 0 })
    expect(programs[0]!.functions.map(({ name, inputs }) => [name, inputs.map(input => input.name)])).toEqual([['main', ['input_ids']]])
  })

  test('has the defaults of the original', async () => {
    const { options, programs } = await load('deepnet', ['--seq', '29'])
    expect(options).toMatchObject({ 'chunk-size': 8, neighbors: 2, 'neighbor-length': 16, 'pad-id': 0 })
    expect(options['enc-scale-residual']).toBeCloseTo(0.81 * (2 ** 4 * 3) ** 0.0625, 12)
    expect(options['dec-scale-residual']).toBeCloseTo(9 ** 0.25, 12)
    const [main, without] = programs[0]!.functions
    expect(main!.inputs.map(({ name, type }) => [name, type.shape])).toEqual([
      ['input_ids', [1, 29]],
      ['retrieved', [1, 3, 2, 16]],
    ])
    expect([without!.name, without!.inputs.map(({ name }) => name)]).toEqual(['without_retrieval', ['input_ids']])
  })

  test('below one chunk nothing is retrieved', async () => {
    const { options, programs, notes } = await load('with-retrieval', ['--seq', '7'])
    expect(options).toMatchObject({ retrieval: false })
    expect(programs[0]!.functions.map(({ name }) => name)).toEqual(['main'])
    expect(notes).toEqual(['7 tokens are less than a chunk of 8: nothing is retrieved for them, and there is no input for it'])
  })
})

describe('refuses', () => {
  test.each([3e9, 1e20])('a name of layer %d, before it makes as many', async layer => {
    const far = ({ tensorNames, tensor }: Checkpoint): Partial<Checkpoint> => ({
      tensorNames: [...tensorNames, `decoder.layers.${BigInt(layer)}.0.fn.to_q.weight`],
      tensor,
    })
    await expect(load('deepnet', ['--seq', '24'], far)).rejects.toMatchObject({
      code: 'E_UNSUPPORTED',
      what: expect.stringContaining('up to 1024 layers are supported'),
    })
  })

  test.each([
    ['a chunk size that config.json contradicts', 'deepnet', option('chunk-size', 9), 'chunk-size: 9 is not the 8 that config.json says'],
    ['neighbours shorter than a chunk', 'deepnet', option('neighbor-length', 7), 'neighbor-length: 7 is less than a chunk of 8'],
    [
      'neighbours without retrieval',
      'deepnet',
      [...option('retrieval', 'false'), ...option('neighbors', 3)],
      'neighbors: without retrieval there are no neighbours',
    ],
    [
      'a scale that norms before the layers have no use for',
      'gated',
      option('dec-scale-residual', 2),
      'dec-scale-residual: this model has its norms before its layers and scales no residual',
    ],
    ['more tokens than positions', 'deepnet', ['--seq', '65'], "--seq: 65 is more than the model's 64 positions"],
    ['several lengths', 'deepnet', ['--seq', '16,24'], '--seq: this task takes one length'],
  ])('%s', async (_, name, flags, problem) => {
    const seq = flags.includes('--seq') ? [] : ['--seq', '24']
    await expect(load(name, [...seq, ...flags])).rejects.toMatchObject({ code: 'E_OPTION', what: `Option ${problem}.` })
  })

  test.each([
    ['num_tokens', 121, 120],
    ['max_seq_len', 65, 64],
    ['enc_dim', 25, 24],
    ['enc_depth', 3, 2],
    ['enc_cross_attn_layers', [2], [1, 2]],
    ['dec_dim', 33, 32],
    ['dec_depth', 4, 3],
    ['dec_cross_attn_layers', [1, 2], [1, 3]],
    ['dim_head', 64, 40],
    ['gated_rmsnorm', true, false],
    ['use_deepnet', true, false],
  ])('a config.json whose %s is not that of the weights', async (field, wrong, right) => {
    await expect(load('with-retrieval', ['--seq', '24'], said({ [field]: wrong }))).rejects.toMatchObject({
      code: 'E_CONFIG',
      what: `config.json: ${field}: says ${JSON.stringify(wrong)}, the weights have ${JSON.stringify(right)}.`,
    })
  })

  test.each([
    ['without project_out', renamed(name => name.replace('encoder.project_out', 'encoder_output_to_decoder_dim'))],
    ['with keys and values in one', renamed(name => name.replace('.to_k.', '.to_kv.'))],
  ])('files of versions before 0.3.0, %s', async (_, change) => {
    await expect(load('with-retrieval', ['--seq', '24'], change)).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
  })
})

test('what changes nothing is a note', async () => {
  const { notes } = await load(
    'with-retrieval',
    ['--seq', '24'],
    said({ heads: 4, dec_scale_residual: 2, dec_cross_attn_layers: [3, 1, 9] }),
  )
  expect(notes).toEqual([
    'config.json says 4 heads; as in the original, every attention has 8',
    'dec_scale_residual of config.json changes nothing, as in the original: norms come before the layers',
  ])
})

test('names may have a prefix', async () => {
  const flags = ['--seq', '24']
  const plain = await load('with-retrieval', flags)
  for (const prefix of ['retro.', 'module.', 'module.retro.']) {
    const named = await load(
      'with-retrieval',
      flags,
      renamed(name => prefix + name),
    )
    expect(named.programs.map(printProgram)).toEqual(plain.programs.map(printProgram))
  }
})

test('frequencies are those of the file, and what the original begins with where it has none', async () => {
  const without = ({ tensor, tensorNames }: Checkpoint) => ({
    tensorNames: tensorNames.filter(name => !name.endsWith('inv_freq')),
    tensor: (name: string) => (name.endsWith('inv_freq') ? undefined : tensor(name)),
  })
  const doubled = ({ tensor }: Checkpoint) => ({
    tensor: (name: string) => {
      const found = tensor(name)
      return found && name.endsWith('inv_freq') ? scaleConstant(found, 2) : found
    },
  })
  const cosines = async (change?: (checkpoint: Checkpoint) => Partial<Checkpoint>): Promise<number[]> => {
    const { programs } = await load('with-retrieval', ['--seq', '24'], change)
    const turned = programs[0]!.functions[0]!.ops.find(({ kind }) => kind === 'rotary')!
    return Array.from(readAll(constantOf(operand(turned, 'cos'))!), Number)
  }
  const [plain, computed, twice] = [await cosines(), await cosines(without), await cosines(doubled)]
  for (const [at, value] of plain.entries()) expect(computed[at]).toBeCloseTo(value, 5)
  // Twice as fast: what stood at position 2 stands at position 1.
  expect(twice.slice(32, 64)).toEqual(plain.slice(64, 96))
})

test('a file without a config.json is known by its tensors', async () => {
  const found = await inspect({
    ...parseModelFlags(fixture('one-more'), ['--seq', '7', ...option('chunk-size', 6)]),
    plugins: [fileURLToPath(new URL('..', import.meta.url))],
  })
  expect(found).toMatchObject({
    kind: 'checkpoint',
    plugin: { because: expect.arrayContaining([expect.stringContaining('encoder.project_out.weight')]) },
  })
})
