import { describe, expect, it } from 'vitest'
import {
  AXIS_CAP,
  Builder,
  type Constant,
  computedConstant,
  denseConstant,
  type Graph,
  type Op,
  operandsOf,
  type Precision,
  printGraph,
  rewriteGraph,
  rewriteTo,
  type Tensors,
  type Value,
  verifyGraph,
} from '../src/index.ts'
import { lowerToAne } from '../src/lower/ane.ts'
import { plainExpansions } from '../src/lower/plain.ts'
import { randomConstant as random } from './random.ts'
import { expectSameValues, sampleInputs } from './same-values.ts'

/** What an attention is given besides queries, keys and values. */
interface Form {
  readonly batch?: number
  readonly queries?: number
  /** Of another sequence, where it differs from `queries`. */
  readonly keys?: number
  readonly heads?: number
  readonly headSize?: number
  /** Channels of one head of the values, where they differ. */
  readonly valueSize?: number
  readonly scale?: number
  /** Without: the query is not the result of a linear layer, and the scale cannot go into weights. */
  readonly projected?: boolean
  readonly layers?: number
  readonly keyMask?: boolean
  /** Shape of a query-key mask that is an input. */
  readonly mask?: readonly [number, number, number]
  /** A query-key mask that is known: `causal` leaves each query a key, `gaps` does not. */
  readonly knownMask?: 'causal' | 'gaps'
  readonly bias?: readonly number[]
  readonly relativeQuery?: boolean
  readonly relativeKey?: boolean
  readonly scaleRelative?: boolean
  readonly windows?: number
  /** Rows and columns of a grid of queries, and of keys where it differs: decomposed tables. */
  readonly grid?: readonly [number, number]
  readonly keyGrid?: readonly [number, number]
  /** Between the projection of the query and the attention a reshape from a map. */
  readonly fromMap?: boolean
}

const masks = {
  causal: (queries: number, keys: number) =>
    computedConstant('fp32', [1, queries, keys], 'causal', at => (at % keys <= Math.floor(at / keys) ? 1 : 0)),
  gaps: (queries: number, keys: number) => computedConstant('fp32', [1, queries, keys], 'gaps', at => (at < keys || at % 2 === 0 ? 0 : 1)),
}

function attentionGraph(form: Form): Graph {
  const { batch = 2, heads = 2, headSize = 4, layers = 1, projected = true, grid } = form
  const keyGrid = form.keyGrid ?? grid
  const queries = grid ? grid[0] * grid[1] : (form.queries ?? 3)
  const keys = keyGrid ? keyGrid[0] * keyGrid[1] : (form.keys ?? queries)
  const lead = form.windows ? [batch, form.windows] : [batch]
  const width = heads * headSize
  const valueWidth = heads * (form.valueSize ?? headSize)
  const b = new Builder('main')
  let x = b.input('x', 'fp32', [...lead, queries, width])
  const other = keys === queries ? undefined : b.input('memory', 'fp32', [...lead, keys, width])
  const linear = (name: string, from: Value, out: number) =>
    b.linear({
      x: from,
      weight: b.constant(random(`${name}.weight`, [out, from.type.shape.at(-1)!])),
      bias: b.constant(random(`${name}.bias`, [out])),
    })
  const optional: Record<string, Value> = {}
  if (form.keyMask) optional.key_mask = b.input('key_mask', 'int32', [batch, keys])
  if (form.mask) optional.mask = b.input('mask', 'int32', form.mask)
  if (form.knownMask) optional.mask = b.constant(masks[form.knownMask](queries, keys))
  if (form.bias) optional.bias = b.constant(random('bias', form.bias))
  if (form.relativeQuery) optional.relative_query = b.constant(random('relative_query', [queries, keys, headSize]))
  if (form.relativeKey) optional.relative_key = b.constant(random('relative_key', [queries, keys, headSize]))
  if (grid && keyGrid) {
    optional.relative_rows = b.constant(random('relative_rows', [grid[0], keyGrid[0], headSize]))
    optional.relative_columns = b.constant(random('relative_columns', [grid[1], keyGrid[1], headSize]))
  }
  const map = form.fromMap && grid ? grid : undefined
  const asMap = (tokens: Value) => (map ? b.reshape({ x: tokens, shape: [batch, ...map, width] }) : tokens)
  const asTokens = (values: Value) => (map ? b.reshape({ x: values, shape: [batch, queries, values.type.shape.at(-1)!] }) : values)
  for (let layer = 0; layer < layers; layer++) {
    const from = other ?? x
    const attended = b.in(`layer.${layer}`, () =>
      b.attention({
        query: projected ? asTokens(linear(`${layer}.query`, asMap(x), width)) : x,
        key: projected ? linear(`${layer}.key`, from, width) : from,
        value: linear(`${layer}.value`, from, valueWidth),
        ...optional,
        heads,
        scale: form.scale ?? 0.5,
        scale_relative: form.scaleRelative,
      }),
    )
    x = b.in(`layer.${layer}`, () => linear(`${layer}.output`, attended, width))
  }
  const graph = b.finish({ y: x })
  verifyGraph(graph)
  return graph
}

function lower(source: Graph, precision: Precision): Graph {
  const { graph } = lowerToAne(source, { precision })
  verifyGraph(graph, 'ane')
  return graph
}

const count = (graph: Graph, kind: string): number => graph.ops.filter(op => op.kind === kind).length
const ranks = (graph: Graph): number[] => graph.ops.flatMap(op => [...op.outputs, ...operandsOf(op)].map(value => value.type.shape.length))

const forms: Readonly<Record<string, Form>> = {
  'without a mask': {},
  'with one head': { heads: 1, headSize: 8 },
  'with many heads': { heads: 8, headSize: 2 },
  'with one query': { queries: 1 },
  'with a mask over keys': { keyMask: true },
  'with a mask for each query and row': { mask: [2, 3, 3] },
  'with a mask for each query, the same for all rows': { mask: [1, 3, 3] },
  'with a causal triangle': { knownMask: 'causal' },
  'with a known mask that leaves a query without a key': { knownMask: 'gaps' },
  'with both masks': { keyMask: true, mask: [2, 3, 3] },
  'with a triangle and a mask over keys': { keyMask: true, knownMask: 'causal' },
  'with a bias for each head': { bias: [1, 2, 3, 3] },
  'with a bias for all heads': { bias: [1, 1, 3, 3] },
  'with a bias for each head and row': { bias: [2, 2, 3, 3] },
  'with a bias of rank 3': { bias: [2, 3, 3] },
  'with a bias of rank 2': { bias: [3, 3] },
  'with a bias over keys alone': { bias: [1, 2, 1, 3] },
  'with a bias for each head and a mask over keys': { bias: [1, 2, 3, 3], keyMask: true },
  'with a bias, a mask over keys and a triangle': { bias: [1, 2, 3, 3], keyMask: true, knownMask: 'causal' },
  'with a bias and a mask': { bias: [1, 2, 3, 3], mask: [2, 3, 3] },
  'with one head and a bias': { heads: 1, bias: [1, 1, 3, 3] },
  'with relative positions of queries': { relativeQuery: true },
  'with relative positions of queries and keys': { relativeQuery: true, relativeKey: true, keyMask: true },
  'with relative positions of keys, added unscaled': { relativeKey: true, scaleRelative: false },
  'with relative positions of both, added unscaled': { relativeQuery: true, relativeKey: true, scaleRelative: false },
  'without a scale': { scale: 1 },
  'without projections': { projected: false },
  'without projections and a scale, with relative positions': { projected: false, relativeQuery: true, relativeKey: true },
  'over another sequence': { keys: 5 },
  'over another sequence with a mask': { keys: 5, keyMask: true, bias: [1, 2, 3, 5] },
  'over another sequence with relative positions': { keys: 5, relativeQuery: true, relativeKey: true },
  'with values of another width': { valueSize: 3 },
  'with windows': { windows: 3 },
  'with windows, one head and values of another width': { windows: 3, heads: 1, valueSize: 3 },
  'with windows over another sequence': { windows: 2, keys: 5 },
  'with windows, masks and a bias, which all windows share': { windows: 3, keyMask: true, mask: [2, 3, 3], bias: [2, 2, 3, 3] },
  'with windows, a triangle and a bias for each head of rank 3': { windows: 2, knownMask: 'causal', bias: [2, 3, 3] },
  'with a grid of decomposed positions': { grid: [2, 3] },
  'with a grid, added unscaled': { grid: [2, 3], scaleRelative: false },
  'with a grid and one head': { grid: [3, 2], heads: 1, scaleRelative: false },
  'with a grid over another one': { grid: [2, 3], keyGrid: [4, 2], keyMask: true },
  'with a grid in windows': { grid: [2, 3], windows: 3, scaleRelative: false },
  'with a grid in windows over another one': { grid: [2, 1], keyGrid: [2, 2], windows: 2, bias: [1, 2, 2, 4] },
  'with a grid and a query that comes from a map': { grid: [2, 3], fromMap: true },
  'in two layers that share a mask and a bias': { layers: 2, keyMask: true, bias: [1, 2, 3, 3] },
}

describe.each(Object.entries(forms))('attention %s', (_, form) => {
  const source = attentionGraph(form)

  it('means in its plain expansion what its definition says', () => {
    const { graph } = rewriteGraph(source, plainExpansions)
    verifyGraph(graph, 'plain')
    expect(count(graph, 'attention')).toBe(0)
    expectSameValues(graph, source)
  })

  it.each(['fp32', 'fp16'] as const)('computes the same per head in the channel layout (%s)', precision => {
    const graph = lower(source, precision)
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(count(graph, 'attention')).toBe(0)
    expect(Math.max(...ranks(graph))).toBeLessThanOrEqual(4)
    const { heads = 2, layers = 1 } = form
    const axes = graph.ops.filter(op => op.kind === 'softmax').map(op => op.attributes.axis)
    expect(axes).toEqual(Array(heads * layers).fill(1))
    expect(count(graph, 'einsum')).toBe((form.grid ? 4 : 2) * heads * layers)
    expect(new Set(graph.ops.filter(op => op.kind === 'einsum').map(op => op.attributes.equation))).toEqual(
      new Set(['bkhc,bchq->bkhq', 'bchk,bkhq->bchq']),
    )
  })
})

describe('counts', () => {
  const moving = (graph: Graph): string[] =>
    graph.ops.filter(op => op.kind === 'transpose' || op.kind === 'reshape').map(op => `${op.kind} [${op.outputs[0]!.type.shape}]`)

  it('one transpose per layer, of the keys, and no reshape', () => {
    const border = ['transpose [2,8,3]', 'transpose [2,3,8]']
    const keys = 'transpose [2,3,1,8]'
    for (const layers of [1, 2, 3]) {
      const moved = moving(lower(attentionGraph({ layers, keyMask: true }), 'fp16'))
      expect(moved).toEqual([border[0], ...Array(layers).fill(keys), border[1]])
    }
  })
  it('masks are prepared once for all layers', () => {
    const ops = (layers: number, form: Form) =>
      lower(attentionGraph({ ...form, layers }), 'fp16').ops.filter(op => op.origin.module === '' && op.kind !== 'const').length
    for (const form of [{ keyMask: true }, { knownMask: 'causal', keyMask: true }, { mask: [2, 3, 3] }] as Form[]) {
      expect(ops(3, form)).toBe(ops(1, form))
    }
  })
  it('a known mask is no work at all', () => {
    const graph = lower(attentionGraph({ knownMask: 'causal' }), 'fp16')
    expect(count(graph, 'add')).toBe(2)
    expect(count(graph, 'sub')).toBe(0)
    expect(count(graph, 'cast')).toBe(0)
  })
})

describe('the scale', () => {
  const muls = (form: Form) => count(lower(attentionGraph(form), 'fp16'), 'mul')
  const constant = (value: Value | readonly Value[] | undefined) => (value as Value).producer?.attributes.val as Constant
  const queryConv = (graph: Graph): Op =>
    graph.ops.find(op => op.kind === 'conv' && constant(op.operands.weight).id.includes('query.weight'))!

  it('goes into the weights of the query', () => {
    const graph = lower(attentionGraph({}), 'fp16')
    const conv = queryConv(graph)
    expect(constant(conv.operands.weight).id).toBe('scale:0.5(0.query.weight)')
    expect(constant(conv.operands.bias).id).toBe('scale:0.5(0.query.bias)')
    expect(muls({})).toBe(0)
    expect(conv.origin).toEqual({ module: 'layer.0', rules: ['scale-into-query'] })
  })
  it('of one needs nothing', () => {
    expect(constant(queryConv(lower(attentionGraph({ scale: 1 }), 'fp16')).operands.weight).id).toBe('0.query.weight')
    expect(muls({ scale: 1 })).toBe(0)
  })
  it('is a product where the query is not projected', () => expect(muls({ projected: false })).toBe(1))
  it('leaves a query that something else uses as it is', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, 3, 4])
    const query = b.linear({ x, weight: b.constant(random('query.weight', [4, 4])) })
    const source = b.finish({ y: b.attention({ query, key: x, value: x, heads: 2, scale: 0.5 }), query })
    const graph = lower(source, 'fp16')
    expectSameValues(graph, source)
    expect(count(graph, 'conv')).toBe(2)
  })
})

describe('a grid', () => {
  it('adds nothing of the size of the scores, and turns what is as long as the queries', () => {
    const graph = lower(attentionGraph({ grid: [2, 3], batch: 1, scaleRelative: false }), 'fp16')
    expect(count(graph, 'add')).toBe(0)
    // One for the keys, one for the columns of the queries and one back, two at the border.
    expect(count(graph, 'transpose')).toBe(5)
  })
})

describe('blocks', () => {
  const sizes = (graph: Graph) => graph.ops.filter(op => op.kind === 'softmax').map(op => op.outputs[0]!.type.shape.join())

  it('cut long rows of queries, with all that is added to them', () => {
    const form = { batch: 1, heads: 1, headSize: 1, queries: 1100, keys: 1920 }
    const source = attentionGraph({ ...form, bias: [1, 1, 1100, 1920], keyMask: true })
    const graph = lower(source, 'fp16')
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(sizes(graph)).toEqual(['1,1920,1,384', '1,1920,1,384', '1,1920,1,332'])
  })
  it('leave what fits whole', () => {
    expect(sizes(lower(attentionGraph({ batch: 1, heads: 1, headSize: 1, queries: 1024, keys: 2048 }), 'fp16'))).toEqual(['1,2048,1,1024'])
  })
  it.each(['fp32', 'fp16'] as const)('of keys over the axis cap are combined (%s)', precision => {
    const form = { batch: 1, heads: 1, headSize: 2, queries: 2, keys: 33_000, keyMask: true, scale: 8 }
    const source = attentionGraph(form)
    const graph = lower(source, precision)
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(sizes(graph)).toEqual(['1,11008,1,2', '1,11008,1,2', '1,10984,1,2'])
    // The tokens themselves come in over the cap: nothing that attention makes of them stays so.
    const made = graph.ops.filter(op => ['einsum', 'softmax', 'exp', 'add', 'mul'].includes(op.kind) && op.origin.module !== '')
    expect(Math.max(...made.flatMap(op => op.outputs.flatMap(({ type }) => type.shape)))).toBeLessThanOrEqual(16384)
  })
})

describe('a grid of more tokens than an axis holds', () => {
  const sizes = (graph: Graph) => graph.ops.flatMap(op => op.outputs.flatMap(({ type }) => type.shape))
  const scores = (graph: Graph) => graph.ops.filter(op => op.kind === 'softmax').map(op => op.outputs[0]!.type.shape.join())
  const layer = (b: Builder, name: string, x: Value, out: number) =>
    b.linear({ x, weight: b.constant(random(`${name}.weight`, [out, x.type.shape.at(-1)!])) })
  const target = (precision: Precision) => ({ name: 'coreml', precision, opset: 8 }) as const

  it.each([1, 2])('gives its keys in blocks of rows, to %d heads', heads => {
    const b = new Builder('main')
    const map = b.input('map', 'fp32', [1, 2, 150, 120])
    const mask = b.input('mask', 'int32', [1, 18_000])
    const pixels = b.reshape({ x: b.transpose({ x: map, perm: [0, 2, 3, 1] }), shape: [1, 18_000, 2] })
    const places = b.constant(random('places', [1, 18_000, 2]))
    const x = b.layer_norm({ x: b.concat({ values: [pixels, places], axis: -1 }), axes: [-1] })
    const query = b.constant(random('query', [1, 3, 4]))
    const [key, value] = [layer(b, 'key', x, 4), layer(b, 'value', x, 4)]
    const source = b.finish({ y: b.attention({ query, key, value, key_mask: mask, heads, scale: 8 }) })
    const { exact: graph } = rewriteTo(source, target('fp16'))
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(scores(graph)).toEqual(Array.from({ length: heads }, () => ['1,11520,1,3', '1,6480,1,3']).flat())
    const inner = graph.ops.filter(op => op.origin.module === '' && !['const', 'cast', 'sub', 'mul', 'expand_dims'].includes(op.kind))
    expect(Math.max(...inner.flatMap(op => op.outputs.flatMap(({ type }) => type.shape)))).toBeLessThanOrEqual(AXIS_CAP)
  })
  it.each([1, 2])('sends its queries in rows to keys that all share, to %d heads', heads => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, 150, 120, 2])
    const other = b.input('other', 'fp32', [1, 3, 2])
    const mask = b.input('mask', 'int32', [1, 3])
    const tokens = b.reshape({ x, shape: [1, 18_000, 2] })
    const query = layer(b, 'query', tokens, 2)
    const mixed = b.attention({ query, key: other, value: layer(b, 'value', other, 2), key_mask: mask, heads, scale: 2 })
    const source = b.finish({ y: b.reshape({ x: b.gelu({ x: b.add({ x: mixed, y: tokens }) }), shape: [1, 150, 120, 2] }) })
    const { exact: graph } = rewriteTo(source, target('fp16'))
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(Math.max(...sizes(graph))).toBeLessThanOrEqual(AXIS_CAP)
    expect(new Set(scores(graph))).toEqual(new Set(['1,3,1,480', '1,3,1,240']))
  })
})

describe('windows with one set of keys', () => {
  const shared = (bias: boolean): Graph => {
    const b = new Builder('main')
    const query = b.input('query', 'fp32', [2, 3, 4, 6])
    const key = b.input('key', 'fp32', [2, 1, 5, 6])
    const value = b.input('value', 'fp32', [2, 1, 5, 4])
    const mask = b.input('mask', 'int32', [2, 5])
    const added = bias ? { bias: b.constant(random('bias', [1, 2, 4, 5])) } : {}
    return b.finish({ y: b.attention({ query, key, value, key_mask: mask, ...added, heads: 2, scale: 0.5 }) })
  }
  it.each([false, true])('are what their plain expansion says (with a bias: %s)', bias => {
    const source = shared(bias)
    const { graph } = rewriteGraph(source, plainExpansions)
    verifyGraph(graph, 'plain')
    expectSameValues(graph, source, { tolerance: 1e-6 })
  })
  it.each([false, true])('are lowered, with a bias for each query in the plain layout (%s)', bias => {
    const source = shared(bias)
    const graph = lower(source, 'fp16')
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(count(graph, 'einsum')).toBe(bias ? 0 : 4)
  })
  it('are not two sets', () => {
    const b = new Builder('main')
    const query = b.input('query', 'fp32', [1, 3, 4, 6])
    const key = b.input('key', 'fp32', [1, 2, 5, 6])
    expect(() => b.attention({ query, key, value: key, heads: 1, scale: 1 })).toThrow('key [1,2,5,6]')
  })
})

describe('a query without a key', () => {
  const source = attentionGraph({ mask: [1, 3, 3], batch: 1 })
  const inputs: Tensors = { ...sampleInputs(source), mask: denseConstant('int32', [1, 3, 3], Int32Array.of(1, 0, 1, 0, 0, 0, 0, 1, 0)) }
  it.each(['fp32', 'fp16'] as const)('attends to all alike, as the original does (%s)', precision =>
    expectSameValues(lower(source, precision), source, { tolerance: 1e-6, inputs }),
  )
  it('replaces scores in fp16 and lowers them in fp32', () => {
    const scores = (precision: Precision) =>
      lower(source, precision)
        .ops.map(op => op.kind)
        .filter(kind => kind === 'mul' || kind === 'add')
    expect(scores('fp16')).toEqual(['mul', 'mul', 'add', 'mul', 'add'])
    expect(scores('fp32')).toEqual(['mul', 'add', 'add'])
  })
})

describe('the constant of a masked score', () => {
  const scalars = (precision: Precision) =>
    lower(attentionGraph({ keyMask: true }), precision)
      .ops.flatMap(op => (op.kind === 'const' ? [(op.attributes.val as Constant).id] : []))
      .filter(id => id.startsWith('scalar') && id.includes('-'))
  it('is finite in fp16, and the original’s in fp32', () => {
    expect(scalars('fp16')).toEqual(['scalar:fp32:-10000'])
    expect(scalars('fp32')).toEqual(['scalar:fp32:-3.4028234663852886e+38'])
  })
  it('that a model chose itself is kept where fp16 has it', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, 3, 4])
    const mask = b.input('mask', 'int32', [1, 3])
    const source = b.finish({ y: b.attention({ query: x, key: x, value: x, key_mask: mask, heads: 2, scale: 1, masked: -100 }) })
    const graph = lower(source, 'fp16')
    expectSameValues(graph, source)
    expect(printGraph(graph)).toContain('<scalar:fp32:-100>')
  })
})

describe('the text of one head', () => {
  it('reads like the reference', () => {
    expect(printGraph(lower(attentionGraph({ batch: 1, heads: 2, headSize: 2, keyMask: true }), 'fp16'))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 3, 4], %key_mask: int32[1, 3])
        %layer_0_transpose = transpose(x=%x, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %layer_0_expand_dims = expand_dims(x=%layer_0_transpose, axes=[2]) : fp32[1, 4, 1, 3]
        %layer_0_const_3 = const(val=<0.key.bias>) : fp32[4]
        %layer_0_const_4 = const(val=<0.key.weight>) : fp32[4, 4, 1, 1]
        %layer_0_conv_1 = conv(x=%layer_0_expand_dims, weight=%layer_0_const_4, bias=%layer_0_const_3, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %layer_0_const_5 = const(val=<0.value.bias>) : fp32[4]
        %layer_0_const_6 = const(val=<0.value.weight>) : fp32[4, 4, 1, 1]
        %layer_0_conv_2 = conv(x=%layer_0_expand_dims, weight=%layer_0_const_6, bias=%layer_0_const_5, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %layer_0_const_7 = const(val=<scale:0.5(0.query.weight)>) : fp32[4, 4, 1, 1]
        %layer_0_const_8 = const(val=<scale:0.5(0.query.bias)>) : fp32[4]
        %layer_0_conv_3 = conv(x=%layer_0_expand_dims, weight=%layer_0_const_7, bias=%layer_0_const_8, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %layer_0_transpose_1 = transpose(x=%layer_0_conv_1, perm=[0, 3, 2, 1]) : fp32[1, 3, 1, 4]
        %layer_0_split_0, %layer_0_split_1 = split(x=%layer_0_conv_3, axis=1, split_sizes=[2, 2]) : fp32[1, 2, 1, 3], fp32[1, 2, 1, 3]
        %layer_0_split_0_1, %layer_0_split_1_1 = split(x=%layer_0_transpose_1, axis=3, split_sizes=[2, 2]) : fp32[1, 3, 1, 2], fp32[1, 3, 1, 2]
        %layer_0_split_0_2, %layer_0_split_1_2 = split(x=%layer_0_conv_2, axis=1, split_sizes=[2, 2]) : fp32[1, 2, 1, 3], fp32[1, 2, 1, 3]
        %cast = cast(x=%key_mask, dtype="fp32") : fp32[1, 3]
        %const = const(val=<scalar:fp32:1>) : fp32[]
        %sub = sub(x=%const, y=%cast) : fp32[1, 3]
        %const_1 = const(val=<scalar:fp32:-10000>) : fp32[]
        %mul = mul(x=%sub, y=%const_1) : fp32[1, 3]
        %expand_dims = expand_dims(x=%mul, axes=[2, 3]) : fp32[1, 3, 1, 1]
        %layer_0_einsum = einsum(values=[%layer_0_split_0_1, %layer_0_split_0], equation="bkhc,bchq->bkhq") : fp32[1, 3, 1, 3]
        %layer_0_add = add(x=%layer_0_einsum, y=%expand_dims) : fp32[1, 3, 1, 3]
        %layer_0_softmax = softmax(x=%layer_0_add, axis=1) : fp32[1, 3, 1, 3]
        %layer_0_einsum_1 = einsum(values=[%layer_0_split_0_2, %layer_0_softmax], equation="bchk,bkhq->bchq") : fp32[1, 2, 1, 3]
        %layer_0_einsum_2 = einsum(values=[%layer_0_split_1_1, %layer_0_split_1], equation="bkhc,bchq->bkhq") : fp32[1, 3, 1, 3]
        %layer_0_add_1 = add(x=%layer_0_einsum_2, y=%expand_dims) : fp32[1, 3, 1, 3]
        %layer_0_softmax_1 = softmax(x=%layer_0_add_1, axis=1) : fp32[1, 3, 1, 3]
        %layer_0_einsum_3 = einsum(values=[%layer_0_split_1_2, %layer_0_softmax_1], equation="bchk,bkhq->bchq") : fp32[1, 2, 1, 3]
        %layer_0_concat = concat(values=[%layer_0_einsum_1, %layer_0_einsum_3], axis=1, interleave=false) : fp32[1, 4, 1, 3]
        %layer_0_const_7_1 = const(val=<0.output.bias>) : fp32[4]
        %layer_0_const_9 = const(val=<0.output.weight>) : fp32[4, 4, 1, 1]
        %layer_0_conv_4 = conv(x=%layer_0_concat, weight=%layer_0_const_9, bias=%layer_0_const_7_1, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %squeeze = squeeze(x=%layer_0_conv_4, axes=[2]) : fp32[1, 4, 3]
        %transpose = transpose(x=%squeeze, perm=[0, 2, 1]) : fp32[1, 3, 4]
        return y=%transpose"
    `)
  })
})
