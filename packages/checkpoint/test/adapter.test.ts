import { arrayConstant, readAll } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { readAdapterConfig } from '../src/adapter/adapter-config.ts'
import { adapterName } from '../src/adapter/adapter-names.ts'
import { mergeAdapter } from '../src/adapter/merge-adapter.ts'
import { openCheckpoint } from '../src/index.ts'
import type { WeightsFile } from '../src/weights-file.ts'
import { failure, temporary } from './temporary.ts'
import { type Given, safetensors } from './write-safetensors.ts'

const floats = (shape: readonly number[], values: readonly number[]): Given => ({ dtype: 'fp32', shape, data: Float32Array.from(values) })

const LORA = { peft_type: 'LORA', r: 1, lora_alpha: 2, base_model_name_or_path: 'org/base' }

type Tensors = Readonly<Record<string, Given>>

interface Folder {
  readonly base: Tensors
  readonly adapter?: Tensors
  readonly settings?: object
  readonly config?: object
}

const files = ({ base, adapter, settings, config = {} }: Folder) => ({
  'config.json': JSON.stringify({ model_type: 'bert', architectures: ['BertModel'], ...config }),
  'model.safetensors': safetensors(base),
  ...(adapter ? { 'adapter_model.safetensors': safetensors(adapter) } : {}),
  ...(settings ? { 'adapter_config.json': JSON.stringify(settings) } : {}),
})

/** The values of all tensors that the model has, and what was said. */
async function merged(folder: Folder) {
  const checkpoint = await openCheckpoint(temporary(files(folder)))
  try {
    if (checkpoint.refusal) throw checkpoint.refusal
    const tensors = checkpoint.tensorNames.map(name => {
      const tensor = checkpoint.tensor(name)!
      const values = [...readAll(tensor)].map(Number)
      expect([...tensor.read(1, values.length - 1)].map(Number)).toEqual(values.slice(1))
      return [name, values] as const
    })
    return { tensors: Object.fromEntries(tensors), notes: checkpoint.notes, changed: checkpoint.changed }
  } finally {
    checkpoint.close()
  }
}

async function refusal(folder: Folder, more: Readonly<Record<string, string | Uint8Array>> = {}): Promise<string> {
  const place = temporary({ ...files(folder), ...more })
  const checkpoint = await openCheckpoint(place)
  const said = await failure(() => {
    if (checkpoint.refusal) throw checkpoint.refusal
  }, place)
  expect(await failure(() => checkpoint.tensor('q.weight'), place)).toBe(said)
  checkpoint.close()
  return said
}

const base = { 'layer.q.weight': floats([2, 3], [1, 2, 3, 4, 5, 6]), 'layer.q.bias': floats([2], [1, 2]) }
const matrices = {
  'base_model.model.layer.q.lora_A.weight': floats([1, 3], [1, 2, 3]),
  'base_model.model.layer.q.lora_B.weight': floats([2, 1], [1, 10]),
}
// 2 / 1 · B · A on top of the weight.
const sum = [1 + 2, 2 + 4, 3 + 6, 4 + 20, 5 + 40, 6 + 60]

describe('a LoRA adapter', () => {
  it('beside the weights is merged into them, and that is said', async () => {
    const { tensors, notes, changed } = await merged({ base, adapter: matrices, settings: LORA })
    expect(tensors).toEqual({ 'layer.q.weight': sum, 'layer.q.bias': [1, 2] })
    expect(changed).toEqual(['layer.q.weight'])
    expect(notes).toMatchInlineSnapshot(`
      [
        "adapter_model.safetensors: the adapter is merged into one tensor",
      ]
    `)
  })

  it('fits a base that was saved with another prefix', async () => {
    const longer = { 'bert.layer.q.weight': base['layer.q.weight'] }
    expect((await merged({ base: longer, adapter: matrices, settings: LORA })).tensors).toEqual({ 'bert.layer.q.weight': sum })
    const wrapped = Object.fromEntries(Object.entries(matrices).map(([name, given]) => [name.replace('layer', 'bert.layer'), given]))
    expect((await merged({ base, adapter: wrapped, settings: LORA })).tensors['layer.q.weight']).toEqual(sum)
  })

  it('is found under another prefix where that is the one of its kind', async () => {
    const twice = { 'bert.layer.q.weight': base['layer.q.weight'], 'albert.layer.q.weight': base['layer.q.weight'] }
    expect(await refusal({ base: twice, adapter: matrices, settings: LORA })).toContain('the weights have no "layer.q.weight"')
    const near = {
      'bert.layer.q.weight': base['layer.q.weight'],
      'bert.player.q.weight': base['layer.q.weight'],
      'weight.q.layer': floats([1], [1]),
    }
    expect((await merged({ base: near, adapter: matrices, settings: LORA })).tensors['bert.layer.q.weight']).toEqual(sum)
  })

  it('of many tensors takes no time for each pair of them', async () => {
    const empty = floats([0], [])
    const some = (count: number, name: (at: number) => string) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [name(at), empty]))
    const folder = temporary(
      files({
        base: { ...base, ...some(20_000, at => `x${at}.y`) },
        adapter: { ...matrices, ...some(20_000, at => `q${at}.r`) },
        settings: LORA,
      }),
    )
    const start = process.cpuUsage()
    const checkpoint = await openCheckpoint(folder)
    expect(process.cpuUsage(start).user).toBeLessThan(4e6)
    expect(checkpoint.changed).toHaveLength(20_001)
    checkpoint.close()
  })

  it('among the weights is merged too, under every name that peft has given', async () => {
    const { 'layer.q.weight': weight, 'layer.q.bias': bias } = base
    const [a, b] = Object.values(matrices) as [Given, Given]
    const wrapped = {
      'base_model.model.layer.q.base_layer.weight': weight,
      'base_model.model.layer.q.base_layer.bias': bias,
      'base_model.model.layer.q.lora_A.default.weight': a,
      'base_model.model.layer.q.lora_B.default.weight': b,
      'base_model.model.head.original_module.weight': floats([2, 1], [1, 1]),
      'base_model.model.head.modules_to_save.default.weight': floats([2, 1], [7, 8]),
    }
    const expected = { 'layer.q.weight': sum, 'layer.q.bias': [1, 2] }
    expect((await merged({ base: wrapped, settings: LORA })).tensors).toEqual({ ...expected, 'head.weight': [7, 8] })
    const bare = { ...base, 'layer.q.lora_A.default.weight': a, 'layer.q.lora_B.default.weight': b }
    expect((await merged({ base: bare, settings: LORA })).tensors).toEqual(expected)
  })

  it('has ranks and alphas of single modules, and rsLoRA', async () => {
    const scaled = async (settings: object) =>
      ((await merged({ base, adapter: matrices, settings: { ...LORA, ...settings } })).tensors['layer.q.weight'] as number[])[0]
    expect(await scaled({ alpha_pattern: { q: 3 } })).toBe(1 + 3)
    expect(await scaled({ alpha_pattern: { 'layer\\.q': 4, q: 3 } })).toBe(1 + 4)
    expect(await scaled({ alpha_pattern: { ayer: 3, 'other.q': 5 } })).toBe(1 + 2)
    expect(await scaled({ r: 4, rank_pattern: { '.*q': 1 } })).toBe(1 + 2)
    const two = {
      'base_model.model.layer.q.lora_A.weight': floats([4, 3], [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      'base_model.model.layer.q.lora_B.weight': floats([2, 4], [1, 0, 0, 0, 10, 0, 0, 0]),
    }
    expect((await merged({ base, adapter: two, settings: { ...LORA, r: 4, use_rslora: true } })).tensors['layer.q.weight']?.[0]).toBe(1 + 1)
    for (const key of ['use_rslora', 'use_dora', 'fan_in_fan_out'])
      await expect(scaled({ [key]: 1 })).rejects.toThrow(`${key} is neither true nor false`)
  })

  it('of embeddings and of weights that are stored the other way round is turned', async () => {
    const adapter = {
      'base_model.model.words.lora_embedding_A': floats([1, 3], [1, 2, 3]),
      'base_model.model.words.lora_embedding_B': floats([2, 1], [1, 10]),
    }
    const words = { 'words.weight': floats([3, 2], [0, 0, 0, 0, 0, 0]) }
    expect((await merged({ base: words, adapter, settings: LORA })).tensors).toEqual({ 'words.weight': [2, 20, 4, 40, 6, 60] })
    const turned = { 'layer.q.weight': floats([3, 2], [0, 0, 0, 0, 0, 0]) }
    expect((await merged({ base: turned, adapter: matrices, settings: LORA })).tensors).toEqual({ 'layer.q.weight': [2, 20, 4, 40, 6, 60] })
  })

  it('of a square weight goes by fan_in_fan_out where the other weights do not speak against it', async () => {
    const square = { 'layer.q.weight': floats([2, 2], [0, 0, 0, 0]) }
    const adapter = {
      'base_model.model.layer.q.lora_A.weight': floats([1, 2], [1, 2]),
      'base_model.model.layer.q.lora_B.weight': floats([2, 1], [1, 10]),
    }
    const straight = { 'layer.q.weight': [2, 4, 20, 40] }
    const turned = { 'layer.q.weight': [2, 20, 4, 40] }
    expect((await merged({ base: square, adapter, settings: LORA })).tensors).toEqual(straight)
    expect((await merged({ base: square, adapter, settings: { ...LORA, fan_in_fan_out: true } })).tensors).toEqual(turned)
    const conv = { ...square, 'layer.fc.weight': floats([1, 3], [0, 0, 0]), 'layer.fc.bias': floats([3], [0, 0, 0]) }
    expect((await merged({ base: conv, adapter, settings: { ...LORA, fan_in_fan_out: true } })).tensors).toMatchObject(turned)
    expect(await refusal({ base: conv, adapter, settings: LORA })).toContain('cannot be told')
    const linear = { ...conv, 'layer.fc.weight': floats([3, 1], [0, 0, 0]) }
    expect((await merged({ base: linear, adapter, settings: LORA })).tensors).toMatchObject(straight)
    expect(await refusal({ base: linear, adapter, settings: { ...LORA, fan_in_fan_out: true } })).toContain('cannot be told')
  })

  it('brings biases and whole modules', async () => {
    const adapter = {
      ...matrices,
      'base_model.model.layer.q.base_layer.bias': floats([2], [5, 6]),
      'base_model.model.classifier.weight': floats([2, 1], [7, 8]),
    }
    const { tensors, changed, notes } = await merged({ base, adapter, settings: { ...LORA, bias: 'all', modules_to_save: ['classifier'] } })
    expect(tensors).toEqual({ 'layer.q.weight': sum, 'layer.q.bias': [5, 6], 'classifier.weight': [7, 8] })
    expect(changed).toEqual(['layer.q.weight', 'layer.q.bias', 'classifier.weight'])
    expect(notes[0]).toContain('brings layer.q.bias, classifier.weight')
  })

  it('with magnitudes has rows of their lengths', async () => {
    const adapter = { ...matrices, 'base_model.model.layer.q.lora_magnitude_vector': floats([2], [5, 10]) }
    const { tensors } = await merged({ base, adapter, settings: { ...LORA, use_dora: true } })
    const row = (values: readonly number[], length: number) => values.map(value => Math.fround((value * length) / Math.hypot(...values)))
    expect(tensors['layer.q.weight']).toEqual([...row(sum.slice(0, 3), 5), ...row(sum.slice(3), 10)].map(value => expect.closeTo(value, 5)))
    expect(await refusal({ base, adapter, settings: LORA })).toContain('use_dora')
  })

  it('over weights of 8 bits is merged into what these stand for', async () => {
    const quantised = {
      'layer.q.weight': { dtype: 'int8', shape: [2, 3], data: Int8Array.of(127, 0, 0, 0, 0, 0) } satisfies Given,
      'layer.q.SCB': floats([2], [1, 1]),
    }
    expect((await merged({ base: quantised, adapter: matrices, settings: LORA })).tensors).toEqual({
      'layer.q.weight': [1 + 2, 4, 6, 20, 40, 60],
    })
  })

  it('that is gone leaves a sentence', async () => {
    const { tensors, notes } = await merged({ base, settings: LORA })
    expect(tensors['layer.q.weight']).toEqual([1, 2, 3, 4, 5, 6])
    expect(notes).toMatchInlineSnapshot(`
      [
        "adapter_config.json is there without an adapter; the weights are taken as they are",
      ]
    `)
  })
})

describe('an adapter that is refused', () => {
  it('does not say how strongly it enters', async () => {
    expect(await refusal({ base, adapter: matrices })).toMatchInlineSnapshot(`
      "E_ADAPTER: adapter_model.safetensors has an adapter ("base_model.model.layer.q.lora_A.weight"), but there is no adapter_config.json: how strongly it enters (lora_alpha) stands nowhere.
      Looked in: <place>
      Merge it where it was made, and give the result: model.merge_and_unload().save_pretrained("merged"). Or take its files away, for the base model alone."
    `)
    const inside = { ...base, 'layer.q.lora_A.weight': floats([1, 3], [1, 2, 3]), 'layer.q.lora_B.weight': floats([2, 1], [1, 1]) }
    expect(await refusal({ base: inside })).toContain('stands nowhere')
  })

  it.each<[string, Tensors]>([
    ['an adapter layer', { 'layer.output.adapters.mine.adapter_down.0.weight': floats([1], [1]) }],
    ['IA3', { 'base_model.model.layer.q.ia3_l.default': floats([1], [1]) }],
    ['prompt tuning', { 'prompt_encoder.default.embedding.weight': floats([1], [1]) }],
    ['AdaLoRA', { 'base_model.model.layer.q.lora_E.default': floats([1], [1]) }],
    ['trainable tokens', { 'words.token_adapter.trainable_tokens_delta.default': floats([1], [1]) }],
    ["LoRA in a form that is not peft's", { 'layer.q.lora_A': floats([1, 3], [1, 2, 3]) }],
  ])('is %s', async (kind, tensors) => {
    expect(await refusal({ base: { ...base, ...tensors }, settings: LORA })).toContain(`belongs to ${kind}`)
    expect(await refusal({ base, adapter: tensors, settings: LORA })).toContain(`belongs to ${kind}`)
  })

  it.each<[string, object, string]>([
    ['of another type', { ...LORA, peft_type: 'IA3' }, 'peft_type is "IA3"'],
    ['of the package adapters', { config: { architecture: 'pfeiffer' }, name: 'mine' }, 'package adapters'],
    ['with a key that is not followed', { ...LORA, alora_invocation_tokens: [1] }, 'alora_invocation_tokens is [1]'],
    ['with copied layers', { ...LORA, layer_replication: [[0, 2]] }, 'layer_replication'],
    ['with a base of its own', { ...LORA, init_lora_weights: 'pissa' }, 'init_lora_weights "pissa"'],
    ['with a base that is no name', { ...LORA, init_lora_weights: { toString: 1 } }, 'init_lora_weights "{"toString":1}"'],
    ['without a rank', { ...LORA, r: 0 }, 'r is no rank'],
    ['of another rank', { ...LORA, r: 8 }, 'says rank 8'],
    ['with a pattern that is not read', { ...LORA, rank_pattern: { q: 1, '(?!k)q': 1 } }, 'rank_pattern has the pattern "(?!k)q"'],
    ['with a pattern that is none', { ...LORA, alpha_pattern: { '(': 1 } }, 'alpha_pattern'],
  ])('is %s', async (_, settings, message) => {
    expect(await refusal({ base, adapter: matrices, settings })).toContain(message)
  })

  it('has patterns that take too long for its modules', async () => {
    const settings = { ...LORA, rank_pattern: { '.*.*k': 2 }, alpha_pattern: { '.*.*v': 3 } }
    const { rank, scale } = readAdapterConfig(settings, 'here', 10_000)
    expect([rank('layer.q'), rank('layer.k'), scale('layer.v')]).toEqual([1, 2, 3])
    expect(() => rank('q'.repeat(1000))).toThrow('take too long')
  })

  it('has more patterns than modules', async () => {
    const rank_pattern = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${i}${'q'.repeat(400)}`, 1]))
    expect(await refusal({ base, adapter: matrices, settings: { ...LORA, rank_pattern } })).toContain('more than 1000000 characters')
  })

  it('does not fit the weights', async () => {
    const other = { 'base_model.model.layer.k.lora_A.weight': floats([1, 3], [1, 2, 3]) }
    expect(await refusal({ base, adapter: { ...matrices, ...other }, settings: LORA })).toContain('no "layer.k.weight"')
    const wide = { ...matrices, 'base_model.model.layer.q.lora_A.weight': floats([1, 4], [1, 2, 3, 4]) }
    expect(await refusal({ base, adapter: wide, settings: LORA })).toContain('matrices [2,1]·[1,4] for a weight [2,3] do not fit')
    const { 'base_model.model.layer.q.lora_A.weight': alone } = matrices
    expect(await refusal({ base, adapter: { 'base_model.model.layer.q.lora_A.weight': alone }, settings: LORA })).toContain(
      'one is missing',
    )
  })

  it('is one of several', async () => {
    const [a, b] = Object.values(matrices) as [Given, Given]
    const inside = Object.fromEntries(
      ['first', 'second'].flatMap(name => [
        [`layer.q.lora_A.${name}.weight`, a],
        [`layer.q.lora_B.${name}.weight`, b],
      ]),
    )
    expect(await refusal({ base: { ...base, ...inside }, settings: LORA })).toContain('several adapters (first, second)')
    const one = { 'layer.q.lora_A.default.weight': a, 'layer.q.lora_B.default.weight': b }
    expect(await refusal({ base: { ...base, ...one }, adapter: matrices, settings: LORA })).toContain(
      'another one in adapter_model.safetensors',
    )
  })

  it('changes word embeddings that are the output matrix too', async () => {
    const config = { architectures: ['GPT2LMHeadModel'], vocab_size: 2 }
    expect(await refusal({ base, adapter: matrices, settings: LORA, config })).toContain('share the word embeddings')
    expect((await merged({ base, adapter: matrices, settings: LORA, config: { ...config, tie_word_embeddings: false } })).changed).toEqual([
      'layer.q.weight',
    ])
    const copy = { 'base_model.model.layer.q.weight': floats([2, 3], [1, 1, 1, 1, 1, 1]) }
    expect(await refusal({ base, adapter: copy, settings: LORA, config })).toContain('share the word embeddings')
  })

  it('looks at each thing once, however long names and lists are', () => {
    const name = `a${'.modules_to_save.b.original_module.b'.repeat(20_000)}\n`
    const started = performance.now()
    expect(adapterName(name, true)).toMatchObject({ kind: 'saved' })
    expect(performance.now() - started).toBeLessThan(5000)

    const weights = (names: readonly string[]): WeightsFile => ({
      names,
      tensor: () => arrayConstant('fp32', [2], Float32Array.of(1, 2)),
      stored: () => ({ dtype: 'fp32', shape: [2], bytes: 8 }),
    })
    let asked = 0
    const config = {
      get architectures() {
        asked++
        return []
      },
    }
    const names = ['a.bias', 'b.bias', 'c.bias']
    const beside = { file: 'y', weights: weights(names.map(each => `base_model.model.${each}`)) }
    expect(mergeAdapter({ base: weights(names), file: 'x', beside, settings: LORA, config, where: 'here' }).changed).toEqual(names)
    expect(asked).toBe(1)
  })

  it('is of diffusers, or of the package adapters', async () => {
    expect(await refusal({ base }, { 'pytorch_lora_weights.safetensors': safetensors(matrices) })).toContain(
      'pytorch_lora_weights.safetensors',
    )
    expect(await refusal({ base }, { 'pytorch_adapter.bin': 'x', 'adapter_config.json': '{}' })).toContain('pytorch_adapter.bin')
  })
})
