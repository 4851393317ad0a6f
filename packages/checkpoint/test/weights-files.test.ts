import { describe, expect, it } from 'vitest'
import { chooseWeights } from '../src/choose-weights.ts'
import { openCheckpoint } from '../src/index.ts'
import { failure, temporary } from './temporary.ts'
import { scalars } from './write-safetensors.ts'

const index = (map: Readonly<Record<string, string>>) => JSON.stringify({ weight_map: map })

describe('the weights among the files of a folder', () => {
  it.each<[string, readonly string[], string | undefined]>([
    ['a .pth beside golden outputs', ['bert.pth', 'golden.model.safetensors'], 'bert.pth'],
    ['a .bin beside golden outputs', ['golden.decoder.safetensors', 'golden.encoder.safetensors', 'model.bin'], 'model.bin'],
    ['a .pt beside golden outputs and their base', ['checkpoint_vl.pt', 'golden.model.safetensors'], 'checkpoint_vl.pt'],
    ['golden outputs alone', ['case.json', 'golden.model.safetensors'], undefined],
    [
      'what the Trainer saves beside them',
      ['optimizer.pt', 'rng_state.pth', 'rng_state_0.pth', 'scaler.pt', 'scheduler.pt', 'trainer_state.json', 'training_args.bin', 'w.bin'],
      'w.bin',
    ],
    [
      'what accelerate saves beside them',
      ['dl_state_dict.bin', 'optimizer.bin', 'optimizer_1.bin', 'random_states_0.pkl', 'sampler_1.bin', 'scheduler.bin', 'w.safetensors'],
      'w.safetensors',
    ],
    ['the state of a trainer alone', ['optimizer.pt', 'training_args.bin'], undefined],
    ['an adapter beside them', ['adapter_config.json', 'adapter_model.safetensors', 'pytorch_model.bin'], 'pytorch_model.bin'],
    ['an adapter beside weights of any name', ['adapter_model.bin', 'mine.bin', 'pytorch_lora_weights.safetensors'], 'mine.bin'],
    ['an adapter alone', ['adapter_config.json', 'adapter_model.safetensors'], undefined],
    ['names that only begin like those of a trainer', ['optimizers.safetensors'], 'optimizers.safetensors'],
    [
      'shards beside golden outputs',
      ['a-1.safetensors', 'a-2.safetensors', 'a.safetensors.index.json', 'golden.model.safetensors'],
      'a.safetensors.index.json',
    ],
    ['shards without an index', ['m-00001-of-00002.safetensors', 'm-00002-of-00002.safetensors'], 'm-00001-of-00002.safetensors'],
    ['shards of which the first is missing', ['m-2-of-3.bin', 'm-3-of-3.bin'], 'm-1-of-3.bin'],
    ['what lies in sub-folders', ['2_Dense/model.safetensors', 'pytorch_model.bin'], 'pytorch_model.bin'],
  ])('%s', (_, files, chosen) => {
    expect(chooseWeights(files, '.')).toBe(chosen)
  })

  it('is found whatever a stranger called another file', () => {
    const long = '_'.repeat(200)
    const others = [`adapter_model${long}!.bin`, `optimizer${long}!.bin`]
    const started = performance.now()
    expect(() => chooseWeights([...others, 'w.bin'], '.')).toThrow('Any of these could be the weights')
    expect(chooseWeights([`adapter_model${long}.bin`, `optimizer${long}.bin`, 'w.bin'], '.')).toBe('w.bin')
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it('of which several could be meant', () => {
    expect(() => chooseWeights(['a.pth', 'b.pth', 'optimizer.pt'], '.')).toThrow('Any of these could be the weights: a.pth, b.pth.')
    const sets = ['m-1-of-2.bin', 'm-2-of-2.bin', 'n-1-of-1.bin']
    for (const other of ['n-1-of-1.bin', 'm-1-of-3.bin', 'm-01-of-2.bin', 'mine.bin'])
      expect(() => chooseWeights([...sets.slice(0, 2), other], '.')).toThrow('Any of these could be the weights')
  })
})

describe('shards without an index', () => {
  const open = (files: Readonly<Record<string, string | Uint8Array>>) => openCheckpoint(temporary({ 'config.json': '{}', ...files }))
  const [one, two] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const

  it('are read all', async () => {
    const checkpoint = await open({ [one]: scalars({ a: 1 }), [two]: scalars({ b: 2, c: 3 }) })
    expect(checkpoint.tensorNames).toEqual(['a', 'b', 'c'])
    expect(['a', 'b', 'c', 'd'].map(name => checkpoint.tensor(name)?.id)).toEqual([
      expect.stringContaining(one),
      expect.stringContaining(two),
      expect.stringContaining(two),
      undefined,
    ])
    expect(checkpoint.used()).toEqual(['config.json', one, two])
    checkpoint.close()
  })

  it('stand behind an index where there is one', async () => {
    const checkpoint = await open({
      [one]: scalars({ a: 1, b: 3 }),
      [two]: scalars({ b: 2 }),
      'model.safetensors.index.json': index({ a: one, b: two }),
    })
    expect(checkpoint.tensorNames).toEqual(['a', 'b'])
    checkpoint.close()
  })

  it.each<[string, Readonly<Record<string, Uint8Array>>, string]>([
    [
      'of which one is missing',
      { 'm-1-of-3.safetensors': scalars({ a: 1 }), 'm-3-of-3.safetensors': scalars({ b: 1 }) },
      'E_SHARD_COUNT: m-1-of-3.safetensors is a shard without an index, and its name says that there are 3, and these are missing: m-2-of-3.safetensors.',
    ],
    ['of which one alone is there', { [two]: scalars({ b: 2 }) }, `these are missing: ${one}.`],
    [
      'with a tensor twice',
      { [one]: scalars({ a: 1 }), [two]: scalars({ a: 1 }) },
      `E_SHARD_TWICE: The tensor "a" stands in ${one} and in ${two}, and no index says which one counts.`,
    ],
    ['of which there are none', { 'm-0-of-0.safetensors': scalars({ a: 1 }) }, 'it is one of 0; from 1 to 1024 are read'],
    [
      'of which there are too many',
      { 'm-1-of-999999999.safetensors': scalars({ a: 1 }) },
      'it is one of 999999999; from 1 to 1024 are read',
    ],
    ['that are beyond the last', { 'm-3-of-2.safetensors': scalars({ a: 1 }) }, 'm-1-of-2.safetensors, m-2-of-2.safetensors'],
  ])('%s are refused', async (_, files, text) => {
    expect(await failure(() => open(files))).toContain(text)
  })
})

describe('what was taken from a checkpoint', () => {
  it('is the configuration at first, then what is asked for', async () => {
    const checkpoint = await openCheckpoint(
      temporary({
        'config.json': '{}',
        'model.safetensors': scalars({ a: 1 }),
        'optimizer.pt': 'no',
        'tokenizer.json': '{}',
        'training_args.bin': 'no',
        'vocab.txt': '',
      }),
    )
    expect(checkpoint.used()).toEqual(['config.json'])
    checkpoint.tensor('missing')
    checkpoint.json('missing.json')
    expect(checkpoint.has('vocab.txt')).toBe(true)
    expect(checkpoint.used()).toEqual(['config.json'])
    checkpoint.tensor('a')
    checkpoint.json('tokenizer.json')
    checkpoint.path('vocab.txt')
    expect(checkpoint.used()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json', 'vocab.txt'])
    checkpoint.close()
  })

  it('is the index and the shards whose tensors were taken', async () => {
    const checkpoint = await openCheckpoint(
      temporary({
        'model.safetensors.index.json': index({ a: 'one.safetensors', b: 'two.safetensors' }),
        'one.safetensors': scalars({ a: 1 }),
        'two.safetensors': scalars({ b: 2 }),
      }),
    )
    expect(checkpoint.tensorNames).toEqual(['a', 'b'])
    expect(checkpoint.used()).toEqual(['model.safetensors.index.json'])
    checkpoint.tensor('b')
    expect(checkpoint.used()).toEqual(['model.safetensors.index.json', 'two.safetensors'])
    checkpoint.close()
  })

  it('has the names of sub-folders', async () => {
    const checkpoint = await openCheckpoint(
      temporary({
        'config.json': '{}',
        'model.safetensors': scalars({ w: 1 }),
        '1_Pooling/config.json': '{}',
        '2_Dense/config.json': '{}',
        '2_Dense/model.safetensors': scalars({ w: 2 }),
      }),
    )
    checkpoint.folder('2_Dense').tensor('w')
    expect(checkpoint.used()).toEqual(['2_Dense/config.json', '2_Dense/model.safetensors', 'config.json'])
    checkpoint.close()
  })
})

describe('an adapter alone', () => {
  const adapter = {
    'adapter_config.json': '{"base_model_name_or_path": "org/base"}',
    'adapter_model.safetensors': scalars({ 'base.lora_A.weight': 1 }),
  }

  it('is no checkpoint, and names the one that it wants', async () => {
    const folder = temporary(adapter)
    const checkpoint = await openCheckpoint(folder)
    expect(checkpoint.tensorNames).toEqual([])
    expect(checkpoint.refusal?.code).toBe('E_WEIGHTS_ADAPTER')
    expect(await failure(() => checkpoint.tensor('a'), folder)).toMatchInlineSnapshot(`
      "E_WEIGHTS_ADAPTER: The checkpoint has an adapter (adapter_config.json, adapter_model.safetensors), but not the weights of the model that it belongs to, "org/base".
      Looked in: <place>
      Put its files beside config.json and the weights of "org/base", or merge the two and give the result: model.merge_and_unload().save_pretrained("merged")."
    `)
    checkpoint.close()
  })
})

describe('a model in a folder of its own, as sentence-transformers wrote it before version 2', () => {
  const module = (type: string, path: string) => ({ type: `sentence_transformers.models.${type}`, path })
  const modules = JSON.stringify([module('Transformer', '0_Transformer'), module('Pooling', '1_Pooling')])
  const files = {
    'modules.json': modules,
    '0_Transformer/config.json': '{"model_type": "bert"}',
    '0_Transformer/model.safetensors': scalars({ a: 1 }),
    '0_Transformer/vocab.txt': '',
    '1_Pooling/config.json': '{"mode": 1}',
    'golden.model.safetensors': scalars({ b: 2 }),
  }

  it('is the checkpoint', async () => {
    const checkpoint = await openCheckpoint(temporary(files))
    expect(checkpoint).toMatchObject({ config: { model_type: 'bert' }, tensorNames: ['a'] })
    expect(checkpoint.files).toEqual([
      '0_Transformer/config.json',
      '0_Transformer/model.safetensors',
      '0_Transformer/vocab.txt',
      '1_Pooling/config.json',
      'config.json',
      'golden.model.safetensors',
      'model.safetensors',
      'modules.json',
      'vocab.txt',
    ])
    expect(checkpoint.folder('1_Pooling').config).toEqual({ mode: 1 })
    expect(checkpoint.path('vocab.txt')).toMatch(/0_Transformer.vocab\.txt$/)
    expect(checkpoint.tensor('a')!.id).toMatch(/^0_Transformer\/model\.safetensors@/)
    expect(checkpoint.used()).toEqual([
      '0_Transformer/config.json',
      '0_Transformer/model.safetensors',
      '0_Transformer/vocab.txt',
      '1_Pooling/config.json',
      'modules.json',
    ])
    checkpoint.close()
  })

  it('stands before a config.json at the top, which held a version only', async () => {
    const checkpoint = await openCheckpoint(temporary({ ...files, 'config.json': '{"__version__": "0.2.5"}' }))
    expect(checkpoint.config).toEqual({ model_type: 'bert' })
    checkpoint.close()
  })

  it.each(['', '../elsewhere', '0_Missing', '1_Pool'])('is none under the path "%s"', async path => {
    const checkpoint = await openCheckpoint(
      temporary({ 'modules.json': JSON.stringify([module('Transformer', path)]), 'config.json': '{"own": 1}', '1_Pool/x.json': '{}' }),
    )
    expect(checkpoint.config).toEqual({ own: 1 })
    expect(checkpoint.files).toEqual(['1_Pool/x.json', 'config.json', 'modules.json'])
    checkpoint.close()
  })
})
