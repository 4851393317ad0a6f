import { describe, expect, it } from 'vitest'
import {
  Builder,
  cachedDecoder,
  constantOf,
  cutProgram,
  cutSteps,
  interpret,
  type Program,
  rewriteTo,
  sizeOf,
  type Tensors,
  verifyProgram,
} from '../src/index.ts'
import { tensorOf } from './fake-checkpoint.ts'
import { numbersOf, sampleInputs } from './same-values.ts'

const WIDTH = 64
const LAYERS = 5
/** A layer's weights, in fp32. */
const LAYER = WIDTH * WIDTH * 4 * 4

const decoder = (kv: 'io' | 'state') =>
  cachedDecoder(
    { context: 32, prefill: 4, kv },
    {
      layers: LAYERS,
      channels: WIDTH,
      positions: 32,
      entry: { vocabulary: 8 },
      cross: { length: 3, mask: true },
      embed: (b, ids) => b.gather({ x: b.constant(tensorOf('words', [8, WIDTH])), indices: ids, axis: 0 }),
      layer: (b, x, layer, attention) => {
        const linear = (name: string) => b.linear({ x, weight: b.constant(tensorOf(`${layer}.${name}`, [WIDTH, WIDTH])) })
        const [query, key, value, crossQuery] = ['q', 'k', 'v', 'c'].map(linear) as [typeof x, typeof x, typeof x, typeof x]
        const own = attention.self(layer, { query, key, value, heads: 2, scale: 0.2 })
        const crossed = attention.cross(layer, { query: crossQuery, heads: 2, scale: 0.2 })
        return b.tanh({ x: b.add({ x: b.add({ x, y: own }), y: crossed }) })
      },
      logits: (b, x) => b.linear({ x, weight: b.constant(tensorOf('words', [8, WIDTH])) }),
    },
  )

const cut = (program: Program, limit: number) => {
  const parts = cutProgram(program, { limit, bytesPerFloat: 4 })
  for (const part of parts) verifyProgram(part, 'cut')
  return parts
}

/** Calls the parts one after the other, each with its own layers of what is stacked. */
function chain(parts: readonly Program[], fn: number, inputs: Tensors): Record<string, number[]> {
  const layers: Record<string, number[]> = {}
  let passed: Tensors = {}
  let last: Tensors = {}
  for (const { functions } of parts) {
    const graph = functions[fn]!
    const own = [...graph.inputs, ...graph.states].map(({ name, port, type }) => {
      const whole = inputs[name]
      if (port?.role === 'hidden') return [name, passed[name]!] as const
      if (!port?.layers) return [name, whole!] as const
      const [from] = port.layers
      const row = whole!.shape.slice(1).reduce((a, b) => a * b, 1)
      return [
        name,
        { ...whole!, shape: type.shape, read: (start: number, count: number) => whole!.read(from * row + start, count) },
      ] as const
    })
    expect(own.every(([, tensor]) => tensor !== undefined)).toBe(true)
    last = interpret(graph, Object.fromEntries(own))
    for (const { name, port } of graph.outputs) {
      if (port?.updates) layers[name] = [...(layers[name] ?? []), ...numbersOf(last[name]!)]
      if (port?.role === 'hidden') passed = { hidden_states: last[name]! }
    }
  }
  return { ...layers, logits: numbersOf(last.logits!) }
}

describe('a program over the largest package', () => {
  const { program } = decoder('io')

  it('stays whole where it fits', () => {
    expect(cut(program, 1e9)).toEqual([program])
  })

  it('is cut between layers into parts that stay within the limit and compute the same', () => {
    const parts = cut(program, 3 * LAYER)
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.map(({ name }) => name)).toEqual(parts.map((_, i) => `decoder_${i}`))
    for (const fn of [0, 1]) {
      const graph = program.functions[fn]!
      const inputs = sampleInputs(graph)
      const whole = interpret(graph, inputs)
      for (const [name, values] of Object.entries(chain(parts, fn, inputs))) {
        const wanted = numbersOf(whole[name]!)
        expect(values.length).toBe(wanted.length)
        for (const [i, value] of values.entries()) expect(value).toBeCloseTo(wanted[i]!, 5)
      }
    }
  })

  it('hands over in the channel layout, and takes its own layers of what is stacked', () => {
    const parts = cut(program, 3 * LAYER)
    const [first, second] = parts.map(({ functions }) => functions[0]!)
    expect(first!.inputs.map(({ name }) => name)).toContain('input_ids')
    expect(first!.outputs[0]).toMatchObject({
      name: 'hidden_states',
      value: { type: { shape: [1, WIDTH, 1, 4] } },
      port: { role: 'hidden' },
    })
    expect(second!.inputs.map(({ name }) => name)).toEqual([
      'hidden_states',
      'position_ids',
      'key_cache',
      'value_cache',
      'encoder_attention_mask',
      'cross_key',
      'cross_value',
    ])
    const middle = parts.slice(1, -1).flatMap(({ functions }) => functions[0]!.outputs.map(({ name }) => name))
    if (middle.length > 0) expect(middle).toContain('hidden_states_out')
    const rows = parts.map(({ functions }) => functions[0]!.inputs.find(({ name }) => name === 'cross_key')?.port?.layers)
    expect(rows[0]![0]).toBe(0)
    expect(rows.at(-1)![1]).toBe(LAYERS)
    for (const [i, range] of rows.slice(1).entries()) expect(range![0]).toBe(rows[i]![1])
  })

  it('with a state gives each part the state of its layers', () => {
    const parts = cut(decoder('state').program, 3 * LAYER)
    const rows = parts.map(({ functions }) => functions[1]!.states[0]!.type.shape[0]!)
    expect(rows.reduce((a, b) => a + b)).toBe(2 * LAYERS)
    for (const { functions } of parts)
      for (const graph of functions) expect(graph.ops.filter(op => op.kind === 'write_state')).toHaveLength(1)
  })

  it('replaces the program in the steps', () => {
    const built = decoder('io')
    const parts = cut(built.program, 3 * LAYER)
    expect(cutSteps([built.step], built.program, parts)).toEqual([{ ...built.step, decode: parts.map(({ name }) => name) }])
  })

  it('that cannot be cut small enough says so', () => {
    expect(() => cut(program, LAYER / 2)).toThrow(expect.objectContaining({ code: 'E_OPTION' }))
  })
})

describe('an encoder over the largest package', () => {
  const b = new Builder('main')
  const start = b.input('pixel_values', 'fp32', [1, 8, 6, 6], { role: 'image' })
  let x = start
  for (let layer = 0; layer < 4; layer++) {
    const weight = b.constant(tensorOf(`conv.${layer}`, [8, 8, 3, 3]))
    x = b.relu({ x: b.conv({ x, weight, strides: [1, 1], pad: [1, 1, 1, 1], pad_type: 'custom', dilations: [1, 1] }) })
  }
  const program: Program = { name: 'vision_encoder', functions: [b.finish({ image_embeddings: x })] }

  it('is cut likewise, and hands feature maps over as they are', () => {
    const parts = cut(program, 8 * 8 * 9 * 4 * 2 + 5000)
    expect(parts.map(({ name }) => name)).toEqual(['vision_encoder_0', 'vision_encoder_1'])
    expect(parts[1]!.functions[0]!.inputs).toMatchObject([{ name: 'hidden_states', type: { shape: [1, 8, 6, 6] } }])
    const inputs = sampleInputs(program.functions[0]!)
    const middle = interpret(parts[0]!.functions[0]!, inputs)
    const end = interpret(parts[1]!.functions[0]!, middle)
    expect(numbersOf(end.image_embeddings!)).toEqual(numbersOf(interpret(program.functions[0]!, inputs).image_embeddings!))
    const step = { call: 'vision_encoder', feeds: { pixel_values: 'pixel_values' }, gives: { image_embeddings: 'image_embeddings' } }
    expect(cutSteps([step], program, parts)).toEqual([
      { call: 'vision_encoder_0', feeds: { pixel_values: 'pixel_values' }, gives: { hidden_states: 'hidden_states' } },
      { call: 'vision_encoder_1', feeds: { hidden_states: 'hidden_states' }, gives: { image_embeddings: 'image_embeddings' } },
    ])
  })
})

it('the tables of relative positions that the lowering makes for every window count', () => {
  const b = new Builder('main')
  let x = b.input('x', 'fp32', [1, 12, 12, 8], { role: 'vectors' })
  for (let layer = 0; layer < 4; layer++) {
    const tokens = b.window_partition({ x, window: 4 })
    const table = (name: string) => b.constant(tensorOf(`${layer}.${name}`, [4, 4, 4]))
    const tables = { relative_rows: table('rows'), relative_columns: table('columns'), scale_relative: false }
    const mixed = b.attention({ query: tokens, key: tokens, value: tokens, heads: 2, scale: 0.5, ...tables })
    x = b.add({ x, y: b.window_merge({ x: mixed, window: 4, height: 12, width: 12 }) })
  }
  const limit = 60_000
  const parts = cut({ name: 'encoder', functions: [b.finish({ y: x })] }, limit)
  expect(parts.length).toBeGreaterThan(1)
  for (const { functions } of parts) {
    const { ops } = rewriteTo(functions[0]!, { name: 'coreml', precision: 'fp32', opset: 8 }).graph
    const constants = new Map(
      ops.flatMap(op => (constantOf(op.outputs[0]) ? [[constantOf(op.outputs[0])!.id, constantOf(op.outputs[0])!]] : [])),
    )
    const bytes = [...constants.values()].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0)
    expect(bytes).toBeLessThan(limit)
    // Without them the whole program would have seemed to fit.
    expect(bytes).toBeGreaterThan(4 * 2 * 4 ** 3 * 4)
  }
})
