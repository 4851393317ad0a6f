import { describe, expect, it } from 'vitest'
import {
  activate,
  activationNames,
  arrayConstant,
  Builder,
  backbonePrefixes,
  type Constant,
  castConstant,
  causalMask,
  chooseTask,
  DecoderCache,
  decoderSizes,
  denseConstant,
  featureExtraction,
  type Graph,
  image,
  interpret,
  type Json,
  type JsonObject,
  labelCount,
  lastPosition,
  layerNorm,
  linear,
  names,
  normalize,
  ownNames,
  packedLinear,
  positionsPastPadding,
  prefixed,
  readConfig,
  renamed,
  type SentenceModule,
  sentenceFeatures,
  sequenceAttention,
  sequenceLengths,
  spelled,
  type Tensors,
  tokenAt,
  type Value,
  verifyGraph,
  Weights,
} from '../src/index.ts'
import { fakeCheckpoint, tensorOf } from './fake-checkpoint.ts'
import { uniform } from './random.ts'
import { numbersOf } from './same-values.ts'

const float = (shape: readonly number[], values: readonly number[]): Constant => denseConstant('fp32', shape, Float32Array.from(values))
const int = (shape: readonly number[], values: readonly number[]): Constant => denseConstant('int32', shape, Int32Array.from(values))

/** What a few ops over some inputs give. */
function compute(
  inputs: Tensors,
  build: (b: Builder, x: Record<string, Value>) => Value | Record<string, Value>,
): Record<string, number[]> {
  const b = new Builder('main')
  const values = Object.fromEntries(Object.entries(inputs).map(([name, { dtype, shape }]) => [name, b.input(name, dtype, shape)]))
  const built = build(b, values)
  const graph = b.finish('type' in built ? { y: built as Value } : (built as Record<string, Value>))
  verifyGraph(graph)
  return Object.fromEntries(Object.entries(interpret(graph, inputs)).map(([name, value]) => [name, numbersOf(value)]))
}

const close = (actual: readonly number[], expected: readonly number[], digits = 6): void => {
  expect(actual.length).toBe(expected.length)
  for (const [i, x] of expected.entries()) expect(actual[i], `element ${i} of ${actual}`).toBeCloseTo(x, digits)
}

describe('activations', () => {
  const erf = (x: number): number => {
    let sum = 0
    for (let i = 0; i < 20_000; i++) {
      const t = ((i + 0.5) * x) / 20_000
      sum += Math.exp(-t * t) * (x / 20_000)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  const gelu = (x: number) => (x / 2) * (1 + erf(x / Math.SQRT2))
  const tanhGelu = (x: number) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
  const silu = (x: number) => x * sigmoid(x)
  const formulas: Readonly<Record<string, (x: number) => number>> = {
    gelu,
    gelu_python: gelu,
    gelu_new: tanhGelu,
    gelu_pytorch_tanh: tanhGelu,
    gelu_python_tanh: tanhGelu,
    gelu_accurate: tanhGelu,
    gelu_fast: tanhGelu,
    gelu_10: x => Math.min(10, Math.max(-10, gelu(x))),
    quick_gelu: x => x * sigmoid(1.702 * x),
    relu: x => Math.max(0, x),
    relu2: x => Math.max(0, x) ** 2,
    relu6: x => Math.min(6, Math.max(0, x)),
    leaky_relu: x => (x < 0 ? 0.01 * x : x),
    silu,
    swish: silu,
    tanh: Math.tanh,
    sigmoid,
    mish: x => x * Math.tanh(Math.log1p(Math.exp(x))),
    linear: x => x,
  }
  const points = [-3, -0.5, 0, 0.7, 2, 12]
  it('all have a formula here', () => expect(Object.keys(formulas).sort()).toEqual([...activationNames].sort()))
  it.each(activationNames.map(name => [name]))('%s', name => {
    const { y } = compute({ x: float([6], points) }, (b, { x }) => {
      const result = activate(b, name, x!)
      return result === x ? b.identity({ x }) : result
    })
    close(
      y!,
      points.map(x => formulas[name]!(Math.fround(x))),
    )
  })
  it('of another name are refused', () => {
    const b = new Builder('main')
    expect(() => activate(b, 'toString', b.input('x', 'fp32', [1]))).toThrow('No activation is called "toString". Known: gelu, ')
  })
})

describe('weights', () => {
  const tensors = { 'bert.encoder.dense.weight': [4, 3], 'bert.norm.LayerNorm.gamma': [4], half: [2] }
  const checkpoint = fakeCheckpoint({ tensors })
  const w = new Weights(checkpoint, {
    candidates: names(
      spelled([
        ['LayerNorm.weight', 'LayerNorm.gamma'],
        ['LayerNorm.bias', 'LayerNorm.beta'],
      ]),
      prefixed(backbonePrefixes('bert')),
    ),
  })

  it('are found under prefixes and other spellings, below a module', () => {
    expect(w.at('encoder').at('dense').tensor('weight', [4, 3]).id).toBe('bert.encoder.dense.weight')
    expect(w.at('norm').tensor('LayerNorm.weight', [4]).id).toBe('bert.norm.LayerNorm.gamma')
    expect(w.at('encoder').at(3).path).toBe('encoder.3')
    expect(w.has('encoder.dense.weight')).toBe(true)
    expect(w.has('encoder.dense.bias')).toBe(false)
    expect(w.optional('encoder.dense.bias', [4])).toBeUndefined()
    expect(w.shapeOf('encoder.dense.weight')).toEqual([4, 3])
    expect(w.shapeOf('encoder.dense.bias')).toBeUndefined()
  })
  it('are incomplete without a bias that a layer has', () => {
    const lacking = new Weights(fakeCheckpoint({ tensors: { 'dense.weight': [4, 3], 'norm.weight': [3] } }))
    const build = (layer: (b: Builder, x: Value) => Value) => () => {
      const b = new Builder('main')
      return layer(b, b.input('x', 'fp32', [2, 3])).type.shape
    }
    const missing = (tensor: string) => expect.objectContaining({ code: 'E_TENSOR_MISSING', what: expect.stringContaining(tensor) })
    expect(build((b, x) => linear(b, x, lacking.at('dense'), 4))).toThrow(missing('dense.bias'))
    expect(build((b, x) => packedLinear(b, x, lacking.at('dense'), 4, 2, 2))).toThrow(missing('dense.bias'))
    expect(build((b, x) => layerNorm(b, x, lacking.at('norm'), 1e-5))).toThrow(missing('norm.bias'))
    expect(build((b, x) => linear(b, x, lacking.at('dense'), 4, { bias: false }))()).toEqual([2, 4])
    expect(build((b, x) => packedLinear(b, x, lacking.at('dense'), 4, 2, 2, { bias: false }))()).toEqual([2, 2])
  })
  it('are not read where a layer has no bias', () => {
    const both = new Weights(fakeCheckpoint({ tensors: { 'dense.weight': [4, 3], 'dense.bias': [4] } })).at('dense')
    const b = new Builder('main')
    expect(linear(b, b.input('x', 'fp32', [2, 3]), both, 4, { bias: false }).producer?.operands).not.toHaveProperty('bias')
  })
  it('prefer their own name', () => {
    const both = fakeCheckpoint({ tensors: { 'a.LayerNorm.weight': [1], 'bert.a.LayerNorm.gamma': [1], 'a.LayerNorm.gamma': [1] } })
    const candidates = names(
      spelled([
        ['LayerNorm.weight', 'LayerNorm.gamma'],
        ['LayerNorm.bias', 'LayerNorm.beta'],
      ]),
      prefixed(['bert.', '']),
    )
    expect(new Weights(both, { candidates }).tensor('a.LayerNorm.weight', [1]).id).toBe('a.LayerNorm.weight')
  })
  it('have candidates, best first, one step after the other', () => {
    const steps = names(spelled([['n.w', 'n.gamma']]), prefixed(['', 'm.']), renamed([['m', 'x.y']]))
    expect([...steps('a.n.w')]).toEqual(['a.n.w', 'x.y.a.n.w', 'a.n.gamma', 'x.y.a.n.gamma'])
    expect([...names()('a')]).toEqual(['a'])
    expect([...spelled([['w', 'v']])('w')]).toEqual(['w', 'v'])
  })
  it('are renamed whole, in one step: SAM has a "layers.0" in both name spaces', () => {
    const mlp = 'mask_decoder.output_hypernetworks_mlps.*'
    const candidates = renamed([
      [`${mlp}.proj_in`, `${mlp}.layers.0`],
      [`${mlp}.layers.0`, `${mlp}.layers.1`],
      [`${mlp}.proj_out`, `${mlp}.layers.2`],
      ['vision_encoder.layers.*.attn.*', 'image_encoder.blocks.*.attn.*'],
      ['vision_encoder.pos_embed', 'image_encoder.pos_embed'],
    ])
    const at = 'mask_decoder.output_hypernetworks_mlps.2'
    const sam = fakeCheckpoint({ tensors: { [`${at}.layers.0.weight`]: [4, 4], [`${at}.layers.1.weight`]: [4, 4], own: [1] } })
    const w = new Weights(sam, { candidates })
    expect(w.at(at).tensor('proj_in.weight', [4, 4]).id).toBe(`${at}.layers.0.weight`)
    expect(w.at(at).tensor('layers.0.weight', [4, 4]).id).toBe(`${at}.layers.1.weight`)
    expect(w.has(`${at}.proj_out.weight`)).toBe(false)
    expect(w.tensor('own', [1]).id).toBe('own')
    expect([...candidates('vision_encoder.layers.7.attn.qkv.bias')]).toEqual(['image_encoder.blocks.7.attn.qkv.bias'])
    expect([...candidates('vision_encoder.pos_embed')]).toEqual(['image_encoder.pos_embed'])
    expect([...candidates('vision_encoder.pos_embedding')]).toEqual(['vision_encoder.pos_embedding'])
    expect([...candidates('vision_encoder.layers')]).toEqual(['vision_encoder.layers'])
    // The name in the model's own space, the names nearest to what it is stored as.
    expect(() => w.at(at).tensor('proj_out.weight', [4, 4])).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: No tensor called "mask_decoder.output_hypernetworks_mlps.2.proj_out.weight" in the checkpoint. Closest names: mask_decoder.output_hypernetworks_mlps.2.layers.0.weight, mask_decoder.output_hypernetworks_mlps.2.layers.1.weight, own.
      Looked in: ./model
      Check that config.json belongs to these weights, or choose another --task.]
    `)
  })
  it('are looked for once, whatever module asks', () => {
    const asked: string[] = []
    const counted = {
      ...checkpoint,
      tensor: (name: string) => {
        asked.push(name)
        return checkpoint.tensor(name)
      },
    }
    const w = new Weights(counted, { candidates: prefixed(['', 'bert.']) })
    for (const module of [w.at('encoder'), w.at('encoder')]) {
      expect(module.has('dense.weight')).toBe(true)
      expect(module.at('dense').tensor('weight', [4, 3]).id).toBe('bert.encoder.dense.weight')
      expect(module.optional('dense.bias', [4])).toBeUndefined()
    }
    expect(asked).toEqual(['encoder.dense.weight', 'bert.encoder.dense.weight', 'encoder.dense.bias', 'bert.encoder.dense.bias'])
  })
  it('that are tied are found under any of their names, and what is stored under its own is itself', () => {
    const tied = [['wte', 'encoder', 'head']]
    const candidates = prefixed(['', 'm.'])
    const table = Float32Array.from([1, 2, 3, 4])
    const of = (stored: Readonly<Record<string, Constant>>) =>
      new Weights({ ...fakeCheckpoint({}), tensorNames: Object.keys(stored), tensor: name => stored[name] }, { candidates, tied })
    const ids = (w: Weights) => ['wte', 'encoder', 'head'].map(name => w.optional(name, [2, 2])?.id)
    const constant = (...elements: number[]) => arrayConstant('fp32', [2, 2], Float32Array.from(elements))
    const [one, copy, nearly] = [constant(...table), constant(...table), constant(1, 2, 3, 5)]
    for (const name of ['wte', 'm.wte', 'm.encoder', 'head']) expect(ids(of({ [name]: one }))).toEqual([one.id, one.id, one.id])
    expect(ids(of({ 'm.wte': one, head: copy }))).toEqual([one.id, one.id, one.id])
    expect(ids(of({ head: one, encoder: copy }))).toEqual([copy.id, copy.id, copy.id])
    expect(ids(of({ wte: one, head: nearly }))).toEqual([one.id, one.id, nearly.id])
    expect(ids(of({ encoder: one, head: nearly }))).toEqual([one.id, one.id, nearly.id])
    expect(ids(of({ wte: nearly, encoder: one, head: copy }))).toEqual([nearly.id, one.id, one.id])
    // Half precision holds the same numbers, but is not the same tensor.
    const half = castConstant(copy, 'fp16')
    expect(of({ wte: one, head: half }).tensor('head', [2, 2]).widened?.id).toBe(half.id)
    expect(ids(of({}))).toEqual([undefined, undefined, undefined])
    expect(() => of({ other: one }).tensor('head', [2, 2])).toThrow('No tensor called "head"')
  })
  it('come as fp32, and integers are refused by name', () => {
    const stored = { ...checkpoint, tensor: (name: string) => (name === 'f' ? castConstant(tensorOf('f', [2]), 'fp16') : int([2], [1, 2])) }
    expect(new Weights(stored).tensor('f', [2]).dtype).toBe('fp32')
    expect(() => new Weights(stored).tensor('i', [2])).toThrow(expect.objectContaining({ code: 'E_TENSOR_INTEGERS', exitCode: 2 }))
  })
  it('that are missing, or of another shape, are errors that help', () => {
    expect(() => w.at('encoder.dens').tensor('weight', [4, 3])).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: No tensor called "encoder.dens.weight" in the checkpoint. Closest names: bert.encoder.dense.weight, half, bert.norm.LayerNorm.gamma.
      Looked in: ./model
      Check that config.json belongs to these weights, or choose another --task.]
    `)
    expect(() => w.at('encoder.dense').tensor('weight', [3, 4])).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: Tensor "encoder.dense.weight" has the shape [4, 3]; the configuration asks for [3, 4].
      Looked in: ./model
      Check that config.json belongs to these weights.]
    `)
    expect(() => w.at('encoder.dense').optional('weight', [12])).toThrow('has the shape [4, 3]')
  })
})

describe('configuration', () => {
  const schema = {
    safeParse: (value: unknown) =>
      (value as { size?: unknown }).size === undefined
        ? ({ success: true, data: 7 } as const)
        : ({ success: false, error: { issues: [{ path: ['size'], message: 'not a number' }] } } as const),
  }
  it('goes through a schema, null being missing', () => {
    expect(readConfig(fakeCheckpoint({ config: { size: null } }), schema)).toBe(7)
    expect(() => readConfig(fakeCheckpoint({ config: { size: 'x' } }), schema)).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: config.json: size: not a number.
      Looked in: ./model
      Correct the file; it should be the one that was published with the weights.]
    `)
  })
  it('has no null for a switch that is on', () => {
    /** A switch, on unless it is said to be off; `values` are what it may be. */
    const schemaOf = (...values: readonly boolean[]) => ({
      safeParse: (value: unknown) => {
        const { scale = true, width = 4 } = value as { scale?: boolean; width?: number }
        return values.includes(scale) && typeof width === 'number'
          ? ({ success: true, data: { scale, width } } as const)
          : ({ success: false, error: { issues: [{ path: [], message: 'not valid' }] } } as const)
      },
    })
    const read = (config: { readonly [key: string]: Json }, ...values: readonly boolean[]) =>
      readConfig(fakeCheckpoint({ config }), schemaOf(...values))
    expect(read({ width: null, other: null }, true, false)).toEqual({ scale: true, width: 4 })
    expect(() => read({ scale: null }, true, false)).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: config.json: scale: is null, which Python takes for false, and not for the default, which is true.
      Looked in: ./model
      Correct the file; it should be the one that was published with the weights.]
    `)
    expect(() => read({ scale: null }, true)).toThrow('scale: is null')
    expect(() => readConfig(fakeCheckpoint({ config: { inner: { scale: null } } }), schemaOf(true, false), 'inner')).toThrow('inner.scale')
  })
  it('has no setting but its own, whatever keys are called', () => {
    const schema = { safeParse: (value: unknown) => ({ success: true, data: value as JsonObject }) as const }
    const config: JsonObject = JSON.parse('{ "__proto__": { "size": 2 }, "constructor": 3 }')
    const read = readConfig(fakeCheckpoint({ config }), schema)
    expect(read.size).toBeUndefined()
    expect(JSON.stringify(read)).toBe('{"__proto__":{"size":2},"constructor":3}')
    expect(JSON.stringify(readConfig(fakeCheckpoint({ config: { section: config } }), schema, 'section'))).toBe(JSON.stringify(read))
  })
  it('has other names of a key under its own', () => {
    type Config = { readonly [key: string]: Json }
    const [aliases, refuse] = [{ hidden_size: 'n_embd' }, { contradictions: 'refuse' }] as const
    const own = (config: Config) => ownNames(fakeCheckpoint({ config }), aliases).config.n_embd
    const refused = (config: Config) => ownNames(fakeCheckpoint({ config }), aliases, refuse).config.n_embd
    expect([own({ hidden_size: 8 }), own({ n_embd: 8 }), own({ n_embd: 8, hidden_size: 8 }), own({})]).toEqual([8, 8, 8, undefined])
    expect([own({ hidden_size: 8, n_embd: null }), own({ hidden_size: null, n_embd: 8 })]).toEqual([8, 8])
    expect([own({ hidden_size: 8, n_embd: 4 }), own({ n_embd: 4, hidden_size: 8 })]).toEqual([8, 8])
    const inner = { text: { hidden_size: 8, n_embd: 4, layers: 2 }, n_embd: 3 }
    expect(ownNames(fakeCheckpoint({ config: inner }), aliases, { section: 'text' }).config).toEqual({
      text: { hidden_size: 8, n_embd: 8, layers: 2 },
      n_embd: 3,
    })
    expect(ownNames(fakeCheckpoint({ config: { text: [] } }), aliases, { section: 'text' }).config).toEqual({ text: [] })
    expect(() => ownNames(fakeCheckpoint({ config: inner }), aliases, { section: 'text', ...refuse })).toThrow('text.hidden_size')
    expect(refused({ hidden_size: 8, n_embd: 8 })).toBe(8)
    expect(() => refused({ hidden_size: 8, n_embd: 4 })).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: config.json: hidden_size: says 8, but "n_embd", which means the same, says 4.
      Looked in: ./model
      Correct the file; it should be the one that was published with the weights.]
    `)
  })
  it('counts labels', () => {
    const count = (config: { readonly [key: string]: Json }) => labelCount(fakeCheckpoint({ config }))
    expect([count({ id2label: { 0: 'a', 1: 'b', 2: 'c' } }), count({ num_labels: 5 }), count({})]).toEqual([3, 5, 2])
    expect(count({ num_labels: 2, id2label: { 0: 'a', 1: 'b' } })).toBe(2)
    expect(count({ num_labels: null, id2label: { 0: 'a' } })).toBe(1)
    expect(count({ num_labels: 4, id2label: null })).toBe(4)
    // Two labels may have one id, and transformers never counts these.
    expect(count({ label2id: { a: 0, b: 1, c: 2 } })).toBe(2)
    expect(count({ id2label: { 0: 'a', 1: 'b', 2: 'a' }, label2id: { a: 2, b: 1 } })).toBe(3)
    expect(() => count({ num_labels: 5, id2label: { 0: 'a', 1: 'b' } })).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: config.json: num_labels: says 5, but "id2label" has 2 labels.
      Looked in: ./model
      Correct the file; it should be the one that was published with the weights.]
    `)
    expect(() => count({ num_labels: 2, id2label: { 0: 'a' } })).toThrow('num_labels: says 2, but "id2label" has 1 label.')
    for (const odd of [0, -1, 1.5, '3', [], {}, true, 1e9])
      expect(() => count({ num_labels: odd })).toThrow('num_labels: gives no number of labels from 1 to')
    for (const odd of [[], 'abc', 3]) expect(() => count({ id2label: odd })).toThrow('id2label: is no table of names by number')
    expect(() => count({ id2label: {} })).toThrow('id2label: gives no number of labels from 1 to')
    for (const odd of ['x', '', '-1', '1.5', '__proto__'])
      expect(() =>
        count({
          id2label: Object.fromEntries([
            ['0', 'a'],
            [odd, 'b'],
          ]),
        }),
      ).toThrow('which is no number')
  })
})

describe('tasks', () => {
  const tasks = { ToyModel: 'feature-extraction', ToyForMaskedLM: 'fill-mask' } as const
  const choose = (config: { readonly [key: string]: Json }, task?: string) => chooseTask(fakeCheckpoint({ config }), tasks, task)
  it('come from the request, else from the architecture, else are the first', () => {
    expect(choose({ architectures: ['ToyForMaskedLM'] })).toEqual({ architecture: 'ToyForMaskedLM', task: 'fill-mask' })
    expect(choose({ architectures: ['ToyForMaskedLM'] }, 'feature-extraction')).toEqual({
      architecture: 'ToyForMaskedLM',
      task: 'feature-extraction',
    })
    expect(choose({})).toEqual({ architecture: 'ToyModel', task: 'feature-extraction' })
    expect(choose({ architectures: ['Unknown'] }).task).toBe('feature-extraction')
    // Weights of a masked language model in a folder of sentence-transformers.
    const sentence = fakeCheckpoint({ config: { architectures: ['ToyForMaskedLM'] }, sentence: [] })
    expect(chooseTask(sentence, tasks, undefined)).toEqual({ architecture: 'ToyForMaskedLM', task: 'feature-extraction' })
    expect(chooseTask(sentence, tasks, 'fill-mask').task).toBe('fill-mask')
    expect(chooseTask(sentence, { ToyForMaskedLM: 'fill-mask' }, undefined).task).toBe('fill-mask')
  })
  it('that the family does not have are refused', () =>
    expect(() => choose({}, 'translation')).toThrowErrorMatchingInlineSnapshot(`
    [SilaneError: Option --task: "translation" is not a task of this family.
    Choose one of: feature-extraction, fill-mask.]
  `))
})

describe('pixels', () => {
  it('are scaled and shifted as the steps say together', () => {
    const { image: port } = image([
      { resize: [4, 4], resampling: 'bicubic' },
      { rescale: 0.5 },
      { normalize: { mean: [1, 2, 3], std: [1, 2, 4] } },
    ])
    expect(port).toMatchObject({ color: 'rgb', scale: [0.5, 0.25, 0.125], bias: [-1, -1, -0.75] })
    expect(image([{ normalize: { mean: [1], std: [2] } }, { rescale: 3 }], { color: 'gray' }).image).toMatchObject({
      scale: [1.5],
      bias: [-1.5],
    })
    expect(image([]).image).toMatchObject({ scale: [1, 1, 1], bias: [0, 0, 0] })
  })
})

describe('attention over a whole sequence', () => {
  /** Values are 1, 2, 4 and queries 0, so that every token gets the mean of those that it sees. */
  const seen = (options: Parameters<typeof sequenceAttention>[1], masked: boolean) => {
    const inputs = { x: float([1, 3, 1], [1, 2, 4]), ...(masked ? { mask: int([1, 3], [1, 0, 1]) } : {}) }
    const { y } = compute(inputs, (b, { x, mask }) => {
      const query = b.mul({ x: x!, y: b.scalar(0, x!) })
      return sequenceAttention(b, { ...options, keyMask: mask }).self(0, { query, key: x!, value: x!, heads: 1, scale: 1 })
    })
    return y!
  }
  it('looks back only, unless it is told not to', () => {
    close(seen({}, false), [1, 1.5, 7 / 3])
    close(seen({}, true), [1, 1, 2.5])
    close(seen({ causal: false }, false), [7 / 3, 7 / 3, 7 / 3])
    close(seen({ causal: false }, true), [2.5, 2.5, 2.5])
  })
  it('sees all of an encoder that has no mask', () => {
    const { y } = compute({ x: float([1, 1, 1], [0]), states: float([1, 2, 1], [3, 5]) }, (b, { x, states }) =>
      sequenceAttention(b, { encoder: { project: () => ({ key: states!, value: states! }) } }).cross(0, { query: x!, heads: 1, scale: 1 }),
    )
    close(y!, [4])
  })
})

describe('lengths', () => {
  const lengths = (settings: { readonly tokenLimit?: number }, seq?: readonly number[], positions = 600) =>
    sequenceLengths(seq, fakeCheckpoint(settings), positions)
  it('are the smallest limit, unless asked for', () => {
    expect(lengths({})).toEqual([512])
    expect(lengths({}, undefined, 40)).toEqual([40])
    expect(lengths({ tokenLimit: 128 })).toEqual([128])
    expect(lengths({}, [64, 128, 64])).toEqual([64, 128])
    expect(() => lengths({}, [601])).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: Option --seq: 601 is more than the model's 600 positions.
      See \`silane plugins --json\` for the options of a plugin and \`silane convert --help\` for the general ones.]
    `)
  })
  it('of decoders are whole cache units', () => {
    const sizes = (asked: { readonly context?: number; readonly prefill?: number }, positions?: number) =>
      decoderSizes({ context: asked.context, prefill: asked.prefill }, positions)
    expect(sizes({}, undefined)).toEqual({ context: 1024, prefill: 64 })
    expect(sizes({}, 100)).toEqual({ context: 96, prefill: 64 })
    expect(sizes({ context: 32, prefill: 8 }, 100)).toEqual({ context: 32, prefill: 8 })
    for (const [wrong, problem] of [
      [{ context: 33 }, '33 is not a multiple of 32'],
      [{ context: 128 }, "128 is more than the model's 100 positions"],
      [{ context: 32, prefill: 33 }, '33 is not between 1 and the context of 32'],
    ] as const) {
      expect(() => sizes(wrong, 100)).toThrow(problem)
    }
    expect(sizes({}, 32)).toEqual({ context: 32, prefill: 32 })
    // Nobody asked for a context of 0, nor is another one to be had.
    for (const asked of [{}, { context: 32 }] as const) {
      expect(() => sizes(asked, 31)).toThrow("The model has 31 positions; a decoder's cache has 32 slots at least.")
    }
  })
})

describe('positions past padding', () => {
  const ids = [1, 5, 6, 1, 7, 1, 1, 8]
  const expected = [1, 2, 3, 1, 4, 1, 1, 5]
  it('count tokens', () => {
    expect(compute({ ids: int([1, 8], ids) }, (b, { ids: x }) => positionsPastPadding(b, x!, 1)).y).toEqual(expected)
  })
  it('beyond what fp16 counts exactly are counted in integers', () => {
    const long = Array.from({ length: 2100 }, (_, i) => (i % 3 === 0 ? 0 : 9))
    let n = 0
    const wanted = long.map(id => (id === 0 ? 0 : ++n))
    expect(compute({ ids: int([1, 2100], long) }, (b, { ids: x }) => positionsPastPadding(b, x!, 0)).y).toEqual(wanted)
  })
})

describe('tokens and vocabularies', () => {
  it('the last position is that of the last flag, or 0', () => {
    const flags = int([3, 4], [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0])
    expect(compute({ flags }, (b, x) => lastPosition(b, x.flags!)).y).toEqual([1, 3, 0])
  })
  it('one token per row', () => {
    const x = float([2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(compute({ x, at: int([2, 1], [2, 0]) }, (b, v) => tokenAt(b, v.x!, v.at!)).y).toEqual([4, 5, 6, 7])
  })
  it('a vector is divided by its length, zero stays zero', () => {
    close(compute({ x: float([2, 2], [3, 4, 0, 0]) }, (b, v) => normalize(b, v.x!)).y!, [0.6, 0.8, 0, 0])
    close(compute({ x: float([1, 2], [3e4, 4e4]) }, (b, v) => normalize(b, v.x!)).y!, [0.6, 0.8])
  })
})

describe('modules of sentence-transformers', () => {
  const tokens = float([1, 3, 2], [1, -2, 3, 4, 50, 60])
  const right = int([1, 3], [1, 1, 0])
  const transformer: SentenceModule = { type: 'Transformer', path: '', takes: 'last_hidden_state', output: 'token_embeddings' }
  const features = (modules: readonly SentenceModule[], mask = right) =>
    compute({ tokens, mask }, (b, v) => sentenceFeatures(b, { tokens: v.tokens!, mask: v.mask! }, [transformer, ...modules], './model'))
  const embed = (...modules: readonly SentenceModule[]) => features(modules).sentence_embedding!
  const pooling = (...modes: readonly string[]): SentenceModule => ({ type: 'Pooling', path: '1_Pooling', modes, includePrompt: true })
  const norm = (input: string): SentenceModule => ({ type: 'Normalize', path: '2_Normalize', input, output: input })
  const dense = (facts: Partial<SentenceModule & { readonly type: 'Dense' }> = {}): SentenceModule => ({
    type: 'Dense',
    path: '2_Dense',
    width: 1,
    activation: 'torch.nn.modules.linear.Identity',
    bias: true,
    residual: false,
    input: 'sentence_embedding',
    output: 'sentence_embedding',
    tensors: fakeCheckpoint({ tensors: { 'linear.weight': [1, 2], 'linear.bias': [1] } }),
    ...facts,
  })
  const [weight, bias] = [numbersOf(tensorOf('linear.weight', [1, 2])), numbersOf(tensorOf('linear.bias', [1]))]

  it('pool in every way', () => {
    close(embed(pooling('mean')), [2, 1])
    close(embed(pooling('cls')), [1, -2])
    close(embed(pooling('max')), [3, 4])
    close(embed(pooling('mean_sqrt_len_tokens')), [4 / Math.SQRT2, 2 / Math.SQRT2])
    close(embed(pooling('weightedmean')), [7 / 3, 2])
    close(embed(pooling('lasttoken')), [3, 4])
    close(embed(pooling('mean', 'cls')), [2, 1, 1, -2])
  })
  it('pool what is behind padding on the left', () => {
    const pooled = (mode: string) => features([pooling(mode)], int([1, 3], [0, 1, 1])).sentence_embedding!
    close(pooled('cls'), [3, 4])
    close(pooled('lasttoken'), [50, 60])
    close(pooled('weightedmean'), [103 / 3, 124 / 3])
    close(pooled('mean'), [26.5, 32])
  })
  it('go through dense layers and norms', () => {
    const projected = 2 * weight[0]! + weight[1]! + bias[0]!
    close(embed(pooling('mean'), dense()), [projected])
    close(embed(pooling('mean'), dense({ activation: 'torch.nn.modules.activation.Tanh' })), [Math.tanh(projected)])
    close(embed(pooling('mean'), norm('sentence_embedding')), [2 / Math.sqrt(5), 1 / Math.sqrt(5)])
    const tensors = fakeCheckpoint({ tensors: { 'norm.weight': [2], 'norm.bias': [2] } })
    const [gamma, beta] = [numbersOf(tensorOf('norm.weight', [2])), numbersOf(tensorOf('norm.bias', [2]))]
    // [2, 1] is [1, −1]·0.5 around its mean, and the epsilon 1e-5 beside the variance 0.25.
    const unit = 0.5 / Math.sqrt(0.25 + 1e-5)
    const layerNorm: SentenceModule = { type: 'LayerNorm', path: '2_LayerNorm', width: 2, tensors }
    close(embed(pooling('mean'), layerNorm), [unit * gamma[0]! + beta[0]!, -unit * gamma[1]! + beta[1]!])
    expect(() => embed(pooling('mean'), { ...layerNorm, width: 3 })).toThrow('dimension: is 3, and the vector has 2 elements')
  })
  it('read and write features by name', () => {
    const onTokens = dense({
      input: 'token_embeddings',
      output: 'token_embeddings',
      bias: false,
      tensors: fakeCheckpoint({ tensors: { 'linear.weight': [1, 2] } }),
    })
    const row = (x: number, y: number): number => x * weight[0]! + y * weight[1]!
    const late = features([onTokens])
    expect(late.sentence_embedding).toBeUndefined()
    close(late.token_embeddings!, [row(1, -2), row(3, 4), row(50, 60)], 4)
    close(embed(onTokens, pooling('mean')), [row(2, 1)])
    const beside = features([pooling('mean'), dense({ output: 'other' })])
    close(beside.sentence_embedding!, [2, 1])
    close(beside.other!, [2 * weight[0]! + weight[1]! + bias[0]!])
    expect(() => embed(dense())).toThrow('the module Dense in "2_Dense" reads sentence_embedding, which no module before it gives')
    // The original's Normalize leaves alone what is not there.
    close(embed(norm('other'), pooling('mean')), [2, 1])
  })
  it('add what they read to what they give', () => {
    const tensors = fakeCheckpoint({ tensors: { 'linear.weight': [2, 2], 'linear.bias': [2] } })
    const [matrix, shift] = [numbersOf(tensorOf('linear.weight', [2, 2])), numbersOf(tensorOf('linear.bias', [2]))]
    const sum = [2 + 2 * matrix[0]! + matrix[1]! + shift[0]!, 1 + 2 * matrix[2]! + matrix[3]! + shift[1]!]
    close(embed(pooling('mean'), dense({ width: 2, residual: true, tensors })), sum)
    expect(() => embed(pooling('mean'), dense({ residual: true }))).toThrow('"residual.weight"')
  })
  it('are refused by name where they cannot be had', () => {
    const module = (facts: SentenceModule) => () => embed(pooling('mean'), facts)
    expect(module({ type: 'other', name: 'LSTM', path: '2_LSTM' })).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: ./model: the sentence-transformers module LSTM is not supported.
      Known are Transformer, Pooling, Dense, LayerNorm, Normalize, Dropout.]
    `)
    expect(module(dense({ activation: 'torch.nn.modules.activation.Mystery' }))).toThrow(
      'activation_function torch.nn.modules.activation.Mystery',
    )
    expect(module(dense({ activation: 'mine.Tanh' }))).toThrow('activation_function mine.Tanh')
    expect(module(dense({ bias: false }))).toThrow('bias: is false, and the weights have linear.bias')
    expect(module(dense({ tensors: fakeCheckpoint({ tensors: { 'linear.weight': [1, 2] } }) }))).toThrow('"linear.bias"')
    expect(module({ type: 'MultiVectorMask', path: '2_Mask' })).toThrow('MultiVectorMask in a model that pools')
    expect(() => embed(pooling('median'))).toThrow('the pooling mode median is not supported')
    expect(() => embed({ type: 'Pooling', path: '1_Pooling', modes: ['mean'], includePrompt: false })).toThrow('include_prompt: false')
    expect(() => features([{ ...transformer, takes: 'hidden_states.-2' }])).toThrow('the output hidden_states.-2')
  })
  describe('in feature extraction', () => {
    const given = (modules: readonly SentenceModule[] | undefined, asked: number | undefined, truncateDim?: number) => {
      const settings = {
        prompts: { query: 'q: ' },
        defaultPrompt: 'query',
        similarity: 'dot',
        ...(truncateDim === undefined ? {} : { truncateDim }),
      }
      const checkpoint = fakeCheckpoint({ ...(modules ? { sentence: [transformer, ...modules] } : {}), sentenceSettings: settings })
      const made = featureExtraction(checkpoint, { 'truncate-dim': asked })
      const build = () => {
        const b = new Builder('main')
        return b.finish(made.outputs(b, b.input('x', 'fp32', [1, 3, 2]), b.input('mask', 'int32', [1, 3])))
      }
      return { ...made, build }
    }
    const shapes = ({ build }: ReturnType<typeof given>) =>
      Object.fromEntries(build().outputs.map(({ name, value }) => [name, value.type.shape]))

    it('they are part of the outputs', () => {
      expect(shapes(given(undefined, undefined))).toEqual({ last_hidden_state: [1, 3, 2] })
      expect(shapes(given([pooling('mean')], undefined))).toEqual({ last_hidden_state: [1, 3, 2], sentence_embedding: [1, 2] })
      expect(shapes(given([], undefined))).toEqual({ last_hidden_state: [1, 3, 2], token_embeddings: [1, 3, 2] })
      expect(given([pooling('mean')], undefined).sentence).toEqual({ prompts: { query: 'q: ' }, defaultPrompt: 'query', similarity: 'dot' })
      expect(given(undefined, undefined).sentence).toBeUndefined()
      expect(
        featureExtraction(fakeCheckpoint({ sentence: [transformer, pooling('mean')] }), { 'truncate-dim': undefined }).sentence,
      ).toBeNull()
    })
    it('a vector is cut to what the option says, else to what the folder says', () => {
      const [by, folder] = [given([pooling('mean')], 1), given([pooling('mean')], undefined, 1)]
      expect([shapes(by).sentence_embedding, shapes(folder).sentence_embedding]).toEqual([
        [1, 1],
        [1, 1],
      ])
      expect([by.options, folder.options]).toEqual([{ 'truncate-dim': 1 }, { 'truncate-dim': 1 }])
      expect(folder.notes.join()).toContain('truncate_dim')
      // A folder may say more than there is, an option may not.
      expect(shapes(given([pooling('mean')], undefined, 9)).sentence_embedding).toEqual([1, 2])
      expect(() => given([pooling('mean')], 9).build()).toThrow('9 is more than the 2 elements')
      expect(() => given([], 1)).toThrow('no module pools')
      expect(() => given(undefined, 1)).toThrow('no modules of sentence-transformers')
      expect(given([], undefined, 1).notes.join()).toContain('does not concern vectors of tokens')
    })
    it('and what a host has to know is said', () => {
      expect(given([], undefined).notes.join()).toContain('are not normalised')
      expect(given([norm('token_embeddings')], undefined).notes).toEqual([])
      expect(given([pooling('mean'), norm('sentence_embedding')], 1).notes.join()).toContain('is cut after it was normalised')
      expect(given([{ type: 'MultiVectorMask', path: '2_Mask' }], undefined).notes.join()).toContain('is up to the host')
    })
  })
})

describe('a decoder’s cache', () => {
  const [width, heads] = [4, 2]
  /** One layer of attention over a cache, new tokens being their own queries, keys and values. */
  function decoder(tokens: number, context: number, kv: 'io' | 'state', layers = 1): Graph {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, tokens, width])
    const cache = new DecoderCache(b, b.input('position_ids', 'int32', [1, tokens]), { layers, channels: width, context, kv })
    let y = x
    for (let layer = 0; layer < layers; layer++) y = cache.attend(layer, { query: y, key: y, value: y, heads, scale: 0.5 })
    const graph = b.finish({ y, ...cache.outputs() })
    verifyGraph(graph)
    return graph
  }
  const x = uniform(6 * width, 3)
  /** All tokens at once, by the definition: causal attention. */
  function whole(layers: number): number[] {
    const b = new Builder('main')
    let y = b.input('x', 'fp32', [1, 6, width])
    for (let layer = 0; layer < layers; layer++)
      y = b.attention({ query: y, key: y, value: y, mask: b.constant(causalMask(6)), heads, scale: 0.5 })
    return numbersOf(interpret(b.finish({ y }), { x: float([1, 6, width], x) }).y)
  }
  const rows = (from: number, to: number) => float([1, to - from, width], x.slice(from * width, to * width))
  const positions = (from: number, to: number) =>
    int(
      [1, to - from],
      Array.from({ length: to - from }, (_, i) => from + i),
    )

  it.each([
    [32, 1],
    [32, 2],
    [2080, 1],
  ])('in a state of %i slots and %i layers gives what all tokens at once give', (context, layers) => {
    const got: number[] = []
    let state: Tensors = {}
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 6],
    ] as const) {
      const { y, kv_cache } = interpret(decoder(to - from, context, 'state', layers), {
        x: rows(from, to),
        position_ids: positions(from, to),
        ...state,
      })
      got.push(...numbersOf(y))
      state = { kv_cache: kv_cache! }
    }
    close(got, whole(layers), 5)
  })
  it('in inputs and outputs leaves writing to the host', () => {
    const context = 32
    const cache = { key: new Float32Array(width * context), value: new Float32Array(width * context) }
    const got: number[] = []
    for (const [from, to] of [
      [0, 2],
      [2, 6],
    ] as const) {
      const given = {
        key_cache: denseConstant('fp32', [1, width, 1, context], cache.key.slice()),
        value_cache: denseConstant('fp32', [1, width, 1, context], cache.value.slice()),
      }
      const results = interpret(decoder(to - from, context, 'io'), { x: rows(from, to), position_ids: positions(from, to), ...given })
      got.push(...numbersOf(results.y))
      for (const part of ['key', 'value'] as const) {
        for (const [i, v] of numbersOf(results[`${part}_update`]).entries())
          cache[part][Math.floor(i / (to - from)) * context + from + (i % (to - from))] = v
      }
    }
    close(got, whole(1), 5)
  })
})
