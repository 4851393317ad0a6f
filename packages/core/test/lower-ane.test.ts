import { describe, expect, it } from 'vitest'
import {
  Builder,
  computedConstant,
  denseConstant,
  type Graph,
  image,
  type Port,
  type Precision,
  printGraph,
  rewriteGraph,
  type Value,
  verifyGraph,
} from '../src/index.ts'
import { lowerToAne } from '../src/lower/ane.ts'
import { plainExpansions } from '../src/lower/plain.ts'
import { elementwise } from '../src/ops/elementwise.ts'
import { parseGraph } from './parse-graph.ts'
import { randomConstant as random } from './random.ts'
import { expectSameValues } from './same-values.ts'

function lower(text: string, precision: Precision = 'fp32'): Graph {
  const source = parseGraph(text)
  const { graph } = lowerToAne(source, { precision })
  verifyGraph(graph, 'ane')
  expectSameValues(graph, source)
  // Inputs and outputs stay as they were.
  expect(graph.inputs).toEqual(source.inputs)
  expect(graph.outputs.map(({ name, value }) => [name, value.type])).toEqual(source.outputs.map(({ name, value }) => [name, value.type]))
  return graph
}

/** The lowered graph as text, verified and computed: it must give what the source gives. */
const ane = (text: string, precision?: Precision): string => printGraph(lower(text, precision))

/** The ops between a linear layer over [2, 3, 4], which puts a value into the channel layout, and the output. */
function inside(...lines: string[]): string {
  const kinds = lower(`
    graph main(%x: fp32[2, 3, 4], %p: fp32[2, 3, 4])
      %w = const(val=<w>) : fp32[4, 4]
      %h = linear(x=%x, weight=%w)
      ${lines.join('\n')}
      return y=%y`)
    .ops.filter(({ kind }) => kind !== 'const')
    .map(op => `${op.kind} ${op.outputs.map(({ type }) => `[${type.shape}]`).join(' ')}`)
  expect(kinds.splice(0, 3)).toEqual(['transpose [2,4,3]', 'expand_dims [2,4,1,3]', 'conv [2,4,1,3]'])
  return kinds.join('\n')
}

describe('layers', () => {
  it('are convolutions of size 1 in the channel layout, converted at the border only', () => {
    expect(
      ane(`
        graph main(%x: fp32[2, 3, 4])
          %w = const(val=<w>) : fp32[8, 4]
          %b = const(val=<b>) : fp32[8]
          %v = const(val=<v>) : fp32[4, 8]
          %h = linear(x=%x, weight=%w, bias=%b)  # layer.0.up
          %a = gelu(x=%h)  # layer.0
          %o = linear(x=%a, weight=%v)  # layer.0.down
          %s = add(x=%o, y=%x)  # layer.0
          return y=%s`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %b = const(val=<b>) : fp32[8]
        %layer_0_up_transpose = transpose(x=%x, perm=[0, 2, 1]) : fp32[2, 4, 3]
        %layer_0_up_expand_dims = expand_dims(x=%layer_0_up_transpose, axes=[2]) : fp32[2, 4, 1, 3]
        %layer_0_up_const = const(val=<w>) : fp32[8, 4, 1, 1]
        %layer_0_up_conv = conv(x=%layer_0_up_expand_dims, weight=%layer_0_up_const, bias=%b, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[2, 8, 1, 3]
        %layer_0_gelu = gelu(x=%layer_0_up_conv, mode="EXACT") : fp32[2, 8, 1, 3]
        %layer_0_down_const = const(val=<v>) : fp32[4, 8, 1, 1]
        %layer_0_down_conv = conv(x=%layer_0_gelu, weight=%layer_0_down_const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[2, 4, 1, 3]
        %layer_0_add = add(x=%layer_0_down_conv, y=%layer_0_up_expand_dims) : fp32[2, 4, 1, 3]
        %squeeze = squeeze(x=%layer_0_add, axes=[2]) : fp32[2, 4, 3]
        %transpose = transpose(x=%squeeze, perm=[0, 2, 1]) : fp32[2, 3, 4]
        return y=%transpose"
    `)
  })
  it('over vectors [B, C] take a spatial size of 1', () => {
    expect(
      ane(`
        graph main(%x: fp32[2, 4])
          %w = const(val=<w>) : fp32[8, 4]
          %h = linear(x=%x, weight=%w)
          %t = tanh(x=%h)
          return y=%t`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 4])
        %expand_dims = expand_dims(x=%x, axes=[2, 3]) : fp32[2, 4, 1, 1]
        %const = const(val=<w>) : fp32[8, 4, 1, 1]
        %conv = conv(x=%expand_dims, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[2, 8, 1, 1]
        %tanh = tanh(x=%conv) : fp32[2, 8, 1, 1]
        %squeeze = squeeze(x=%tanh, axes=[2, 3]) : fp32[2, 8]
        return y=%squeeze"
    `)
  })
  it('over maps take the rows with them', () => {
    expect(
      ane(`
        graph main(%x: fp32[1, 2, 3, 4])
          %w = const(val=<w>) : fp32[8, 4]
          %h = linear(x=%x, weight=%w)
          return y=%h`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 2, 3, 4])
        %transpose = transpose(x=%x, perm=[0, 3, 1, 2]) : fp32[1, 4, 2, 3]
        %const = const(val=<w>) : fp32[8, 4, 1, 1]
        %conv = conv(x=%transpose, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 8, 2, 3]
        %transpose_1 = transpose(x=%conv, perm=[0, 2, 3, 1]) : fp32[1, 2, 3, 8]
        return y=%transpose_1"
    `)
  })
})

describe('norms', () => {
  it('run over the channel axis', () =>
    expect(inside('%g = const(val=<g>) : fp32[4]', '%y = layer_norm(x=%h, gamma=%g, beta=%g, axes=[-1])')).toMatchInlineSnapshot(`
      "layer_norm [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `))
  it('over tokens run over their place', () =>
    expect(inside('%y = layer_norm(x=%h, axes=[1])')).toMatchInlineSnapshot(`
      "layer_norm [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `))
  it('over tokens and channels, which do not stand side by side, go back to the plain layout', () =>
    expect(inside('%y = layer_norm(x=%h, axes=[1, 2])')).toMatchInlineSnapshot(`
    "squeeze [2,4,3]
    transpose [2,3,4]
    layer_norm [2,3,4]"
  `))
  it('without a mean are layer norms of [x, −x]', () =>
    expect(inside('%g = const(val=<g>) : fp32[4]', '%y = rms_norm(x=%h, gamma=%g, epsilon=0.001)')).toMatchInlineSnapshot(`
      "mul [2,4,1,3]
      concat [2,8,1,3]
      layer_norm [2,8,1,3]
      split [2,4,1,3] [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `))
  it('without a mean over maps likewise', () =>
    expect(
      lower(`
        graph main(%x: fp32[1, 2, 3, 4])
          %g = const(val=<g>) : fp32[4]
          %y = rms_norm(x=%x, gamma=%g, epsilon=0.001)
          return y=%y`)
        .ops.map(({ kind }) => kind)
        .filter(kind => kind !== 'const'),
    ).toEqual(['transpose', 'mul', 'concat', 'layer_norm', 'split', 'transpose']))
})

describe('elementwise ops', () => {
  const attributes: Readonly<Record<string, string>> = {
    elu: ', alpha=0.5',
    leaky_relu: ', alpha=0.5',
    clip: ', alpha=-1, beta=1',
    clamped_relu: ', alpha=-1, beta=1',
    sigmoid_hard: ', alpha=0.5, beta=0.5',
    linear_activation: ', alpha=-1, beta=1',
    scaled_tanh: ', alpha=-1, beta=1',
    log: ', epsilon=3',
    rsqrt: ', epsilon=3',
    inverse: ', epsilon=3',
  }
  it('of one operand stay in the channel layout', () => {
    const moved: string[] = []
    const others = ['cast', 'logical_not', 'softmax', 'cumsum']
    const tried = Object.entries(elementwise)
      .filter(([kind, { operands }]) => Object.keys(operands).join() === 'x' && !others.includes(kind))
      .map(([kind]) => kind)
    expect(tried.length).toBeGreaterThan(30)
    for (const kind of tried) {
      const lines = inside('%q = square(x=%h)', `%y = ${kind}(x=%q${attributes[kind] ?? ''})`)
      if (lines !== `square [2,4,1,3]\n${kind === 'identity' ? '' : `${kind} [2,4,1,3]\n`}squeeze [2,4,3]\ntranspose [2,3,4]`)
        moved.push(kind)
    }
    expect(moved).toEqual([])
  })
  it('of two take the other one along, whatever it is broadcast from', () => {
    expect(inside('%y = add(x=%h, y=%p)')).toMatchInlineSnapshot(`
      "transpose [2,4,3]
      expand_dims [2,4,1,3]
      add [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[4]', '%y = mul(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "mul [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[3, 4]', '%y = sub(x=%c, y=%h)')).toMatchInlineSnapshot(`
      "sub [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[2, 1, 4]', '%y = maximum(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "maximum [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[2, 3, 1]', '%y = minimum(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "minimum [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[]', '%y = real_div(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "real_div [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
  })
  it('of [B, S, C] and a vector [B, C] broadcast as NumPy does', () => {
    lower(`
      graph main(%x: fp32[3, 3, 4], %v: fp32[3, 4])
        %w = const(val=<w>) : fp32[4, 4]
        %h = linear(x=%x, weight=%w)
        %u = linear(x=%v, weight=%w)
        %a = add(x=%h, y=%u)
        %b = mul(x=%u, y=%a)
        return y=%b`)
  })
  it('that nothing put into the channel layout stay plain', () => {
    expect(ane('graph main(%x: fp32[1, 3, 4], %y: fp32[4])\n %a = add(x=%x, y=%y)\n %b = relu(x=%a)\n return y=%b')).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 3, 4], %y: fp32[4])
        %add = add(x=%x, y=%y) : fp32[1, 3, 4]
        %relu = relu(x=%add) : fp32[1, 3, 4]
        return y=%relu"
    `)
  })
  it('that change the type, or choose, go back to the plain layout', () => {
    expect(
      inside('%z = const(val=<scalar:fp32:0>) : fp32[]', '%c = greater(x=%h, y=%z)', '%y = select(cond=%c, a=%h, b=%z)'),
    ).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      greater [2,3,4]
      select [2,3,4]"
    `)
  })
  it('that make the rank larger than three go back too', () => {
    expect(inside('%c = const(val=<c>) : fp32[5, 1, 1, 1]', '%y = add(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      add [5,2,3,4]"
    `)
  })
})

describe('products of two values', () => {
  it('are the einsum of attention, whichever side is transposed', () => {
    const product = (own: string, other: string, shape: string) => `
      graph main(%x: fp32[2, 3, 4], %p: fp32[${shape}])
        %w = const(val=<w>) : fp32[4, 4]
        %h = linear(x=%x, weight=%w)
        %y = matmul(${own}=%h, ${other}=%p)
        return y=%y`
    const kinds = (text: string) =>
      lower(text)
        .ops.map(({ kind }) => kind)
        .filter(kind => kind === 'einsum' || kind === 'matmul')
    for (const text of [
      product('x', 'y', '2, 4, 5'),
      product('y', 'x', '2, 5, 3'),
      product('x', 'transpose_y=true, y', '2, 5, 4'),
      product('y', 'transpose_y=true, x', '2, 5, 4'),
      product('x', 'transpose_x=true, y', '2, 3, 5'),
      product('y', 'transpose_x=true, x', '2, 3, 5'),
    ])
      expect(kinds(text)).toEqual(['einsum'])
  })
  it('keep their result in the channel layout', () => {
    expect(inside('%s = matmul(x=%h, y=%h, transpose_y=true)', '%y = sigmoid(x=%s)')).toMatchInlineSnapshot(`
      "transpose [2,3,1,4]
      einsum [2,3,1,3]
      sigmoid [2,3,1,3]
      squeeze [2,3,3]
      transpose [2,3,3]"
    `)
  })
  it('of other ranks, or with a batch that is broadcast, go back', () => {
    expect(inside('%c = const(val=<c>) : fp32[1, 4, 5]', '%y = matmul(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      matmul [2,3,5]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[4, 5]', '%y = matmul(x=%h, y=%c)')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      matmul [2,3,5]"
    `)
  })
})

describe('ops along an axis', () => {
  it('find it in the channel layout', () => {
    expect(inside('%y = softmax(x=%h)')).toMatchInlineSnapshot(`
      "softmax [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%y = softmax(x=%h, axis=1)')).toMatchInlineSnapshot(`
      "softmax [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%y = softmax(x=%h, axis=0)')).toMatchInlineSnapshot(`
      "softmax [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
    expect(inside('%y = concat(values=[%h, %p], axis=-1)')).toMatchInlineSnapshot(`
      "transpose [2,4,3]
      expand_dims [2,4,1,3]
      concat [2,8,1,3]
      squeeze [2,8,3]
      transpose [2,3,8]"
    `)
    expect(inside('%c = const(val=<c>) : fp32[2, 1, 4]', '%y = concat(values=[%c, %h], axis=1)')).toMatchInlineSnapshot(`
      "concat [2,4,1,4]
      squeeze [2,4,4]
      transpose [2,4,4]"
    `)
    expect(inside('%a, %b = split(x=%h, axis=2, split_sizes=[1, 3])', '%y = mul(x=%b, y=%a)')).toMatchInlineSnapshot(`
      "split [2,1,1,3] [2,3,1,3]
      mul [2,3,1,3]
      squeeze [2,3,3]
      transpose [2,3,3]"
    `)
    expect(inside('%a, %y = split(x=%h, axis=1, split_sizes=[2, 1])')).toMatchInlineSnapshot(`
      "split [2,4,1,2] [2,4,1,1]
      reshape [2,1,4]"
    `)
  })
  it('of a vocabulary over the axis cap are put together in the plain layout', () => {
    const half = '%w = const(val=<wide>) : fp32[9000, 4]\n %v = const(val=<wider>) : fp32[9000, 4]'
    const graph = lower(`
      graph main(%x: fp32[1, 1, 4])
        ${half}
        %a = linear(x=%x, weight=%w)
        %b = linear(x=%x, weight=%v)
        %y = concat(values=[%a, %b], axis=-1)
        return y=%y`)
    expect(graph.ops.at(-1)!.outputs[0]!.type.shape).toEqual([1, 1, 18000])
    expect(graph.ops.at(-1)!.kind).toBe('concat')
  })
  it('find an axis of size 1 in an empty place', () => {
    expect(
      inside(
        '%f = expand_dims(x=%h, axes=[0])',
        '%c = const(val=<c>) : fp32[1, 2, 3, 4]',
        '%z = concat(values=[%f, %c], axis=0)',
        '%y = squeeze(x=%z, axes=[])',
      ),
    ).toMatchInlineSnapshot(`
      "concat [2,4,2,3]
      transpose [2,2,3,4]"
    `)
  })
})

describe('reductions', () => {
  it('over tokens leave a vector per row, in the channel layout', () => {
    expect(inside('%m = reduce_mean(x=%h, axes=[1])', '%y = relu(x=%m)')).toMatchInlineSnapshot(`
      "reduce_mean [2,4,1,1]
      relu [2,4,1,1]
      squeeze [2,4]"
    `)
    expect(inside('%m = reduce_max(x=%h, axes=[1], keep_dims=true)', '%y = relu(x=%m)')).toMatchInlineSnapshot(`
      "reduce_max [2,4,1,1]
      relu [2,4,1,1]
      reshape [2,1,4]"
    `)
  })
  it('over channels leave their place empty', () => {
    expect(inside('%y = reduce_sum(x=%h, axes=[-1])')).toMatchInlineSnapshot(`
      "reduce_sum [2,1,1,3]
      squeeze [2,3]"
    `)
    expect(inside('%y = reduce_l2_norm(x=%h, axes=[2], keep_dims=true)')).toMatchInlineSnapshot(`
      "reduce_l2_norm [2,1,1,3]
      reshape [2,3,1]"
    `)
  })
  it('of vectors', () => {
    expect(
      ane(`
        graph main(%x: fp32[2, 4])
          %w = const(val=<w>) : fp32[4, 4]
          %h = linear(x=%x, weight=%w)
          %n = reduce_sum_square(x=%h, axes=[1], keep_dims=true)
          %m = reduce_min(x=%h, axes=[-1])
          return n=%n, m=%m`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 4])
        %expand_dims = expand_dims(x=%x, axes=[2, 3]) : fp32[2, 4, 1, 1]
        %const = const(val=<w>) : fp32[4, 4, 1, 1]
        %conv = conv(x=%expand_dims, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[2, 4, 1, 1]
        %reduce_sum_square = reduce_sum_square(x=%conv, axes=[1], keep_dims=true) : fp32[2, 1, 1, 1]
        %reduce_min = reduce_min(x=%conv, axes=[1], keep_dims=true) : fp32[2, 1, 1, 1]
        %squeeze = squeeze(x=%reduce_sum_square, axes=[2, 3]) : fp32[2, 1]
        %squeeze_1 = squeeze(x=%reduce_min, axes=[1, 2, 3]) : fp32[2]
        return n=%squeeze, m=%squeeze_1"
    `)
  })
  it('over two axes, or the batch', () => {
    expect(inside('%y = reduce_sum(x=%h, axes=[1, 2])')).toMatchInlineSnapshot(`
      "reduce_sum [2,1,1,1]
      squeeze [2]"
    `)
    expect(inside('%y = reduce_sum(x=%h, axes=[0])')).toMatchInlineSnapshot(`
      "reduce_sum [1,4,1,3]
      squeeze [4,3]
      transpose [3,4]"
    `)
  })
})

describe('slices', () => {
  it('take tokens and channels', () => {
    expect(inside('%y = slice_by_index(x=%h, begin=[0, 1, 1], end=[2, 3, 4], stride=[1, 1, 2])')).toMatchInlineSnapshot(`
      "slice_by_index [2,2,1,2]
      squeeze [2,2,2]
      transpose [2,2,2]"
    `)
    expect(inside('%y = slice_by_index(x=%h, begin=[1, -1, 0], end=[2, -3, -1], stride=[1, -1, 1])')).toMatchInlineSnapshot(`
      "slice_by_index [1,3,1,2]
      squeeze [1,3,2]
      transpose [1,2,3]"
    `)
    expect(
      inside('%y = slice_by_index(x=%h, begin=[0, 1, 1], end=[2, 2, 2], begin_mask=[true, false, true], end_mask=[true, true, false])'),
    ).toMatchInlineSnapshot(`
      "slice_by_index [2,2,1,2]
      squeeze [2,2,2]
      transpose [2,2,2]"
    `)
  })
  it('of one token are vectors', () => {
    for (const at of [0, 2, -1, -3]) {
      expect(
        inside(
          `%s = slice_by_index(x=%h, begin=[0, ${at}, 0], end=[2, ${at + 1}, 4], squeeze_mask=[false, true, false])`,
          '%y = tanh(x=%s)',
        ),
      ).toBe('slice_by_index [2,4,1,1]\ntanh [2,4,1,1]\nsqueeze [2,4]')
    }
    inside('%y = slice_by_index(x=%h, begin=[0, 1, 0], end=[2, 1, 4], begin_mask=[false, true, false], squeeze_mask=[false, true, false])')
    inside('%y = slice_by_index(x=%h, begin=[0, 1, 0], end=[2, 0, 4], end_mask=[false, true, false], squeeze_mask=[false, true, false])')
    inside('%y = slice_by_index(x=%h, begin=[0, 1, 0], end=[2, 2, 4], stride=[1, -1, 1], squeeze_mask=[false, true, false])')
  })
  it('that drop the batch or the channels leave their place empty', () => {
    expect(inside('%y = slice_by_index(x=%h, begin=[1, 0, 0], end=[2, 3, 4], squeeze_mask=[true, false, false])')).toMatchInlineSnapshot(`
      "slice_by_index [1,4,1,3]
      squeeze [4,3]
      transpose [3,4]"
    `)
    expect(inside('%y = slice_by_index(x=%h, begin=[0, 0, 1], end=[2, 3, 2], squeeze_mask=[false, false, true])')).toMatchInlineSnapshot(`
      "slice_by_index [2,1,1,3]
      squeeze [2,3]"
    `)
  })
})

describe('movement', () => {
  it('to [B, C, S] is what the channel layout holds', () =>
    expect(inside('%y = transpose(x=%h, perm=[0, 2, 1])')).toMatchInlineSnapshot(`"squeeze [2,4,3]"`))
  it('elsewhere goes back', () =>
    expect(inside('%y = transpose(x=%h, perm=[1, 0, 2])')).toMatchInlineSnapshot(`
    "squeeze [2,4,3]
    transpose [3,2,4]"
  `))
  it('of an unknown kind is right, if slow: converted once each way, whoever asks', () => {
    expect(
      ane(`
        graph main(%x: fp32[1, 3, 4])
          %w = const(val=<w>) : fp32[4, 4]
          %h = linear(x=%x, weight=%w)
          %r = reverse(x=%h, axes=[1])
          %t = tile(x=%h, reps=[1, 1, 1])
          %a = linear(x=%r, weight=%w)
          %b = linear(x=%t, weight=%w)
          %c = add(x=%a, y=%b)
          %d = add(x=%c, y=%h)
          return y=%d, h=%h`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 3, 4])
        %transpose = transpose(x=%x, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %expand_dims = expand_dims(x=%transpose, axes=[2]) : fp32[1, 4, 1, 3]
        %const = const(val=<w>) : fp32[4, 4, 1, 1]
        %conv = conv(x=%expand_dims, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %squeeze = squeeze(x=%conv, axes=[2]) : fp32[1, 4, 3]
        %transpose_1 = transpose(x=%squeeze, perm=[0, 2, 1]) : fp32[1, 3, 4]
        %reverse = reverse(x=%transpose_1, axes=[1]) : fp32[1, 3, 4]
        %tile = tile(x=%transpose_1, reps=[1, 1, 1]) : fp32[1, 3, 4]
        %transpose_2 = transpose(x=%reverse, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %expand_dims_1 = expand_dims(x=%transpose_2, axes=[2]) : fp32[1, 4, 1, 3]
        %conv_1 = conv(x=%expand_dims_1, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %transpose_3 = transpose(x=%tile, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %expand_dims_2 = expand_dims(x=%transpose_3, axes=[2]) : fp32[1, 4, 1, 3]
        %conv_2 = conv(x=%expand_dims_2, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %add = add(x=%conv_1, y=%conv_2) : fp32[1, 4, 1, 3]
        %add_1 = add(x=%add, y=%conv) : fp32[1, 4, 1, 3]
        %squeeze_1 = squeeze(x=%add_1, axes=[2]) : fp32[1, 4, 3]
        %transpose_4 = transpose(x=%squeeze_1, perm=[0, 2, 1]) : fp32[1, 3, 4]
        return y=%transpose_4, h=%transpose_1"
    `)
  })
  it('of an embedding stays plain', () => {
    expect(
      ane(`
        graph main(%ids: int32[1, 3])
          %t = const(val=<table>) : fp32[8, 4]
          %p = const(val=<positions>) : fp32[3, 4]
          %w = const(val=<w>) : fp32[4, 4]
          %e = gather(x=%t, indices=%ids, axis=0)
          %s = add(x=%e, y=%p)
          %n = layer_norm(x=%s, axes=[-1])
          %y = linear(x=%n, weight=%w)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%ids: int32[1, 3])
        %t = const(val=<table>) : fp32[8, 4]
        %p = const(val=<positions>) : fp32[3, 4]
        %gather = gather(x=%t, indices=%ids, axis=0, batch_dims=0, validate_indices=false) : fp32[1, 3, 4]
        %add = add(x=%gather, y=%p) : fp32[1, 3, 4]
        %transpose = transpose(x=%add, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %expand_dims = expand_dims(x=%transpose, axes=[2]) : fp32[1, 4, 1, 3]
        %layer_norm = layer_norm(x=%expand_dims, axes=[1], epsilon=0.00001) : fp32[1, 4, 1, 3]
        %const = const(val=<w>) : fp32[4, 4, 1, 1]
        %conv = conv(x=%layer_norm, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %squeeze = squeeze(x=%conv, axes=[2]) : fp32[1, 4, 3]
        %transpose_1 = transpose(x=%squeeze, perm=[0, 2, 1]) : fp32[1, 3, 4]
        return y=%transpose_1"
    `)
  })
})

describe('states and caches', () => {
  it('stay as they are', () => {
    expect(
      ane(`
        graph main(%x: fp32[1, 3, 4])
          state %s: fp32[1, 3, 4]
          %w = const(val=<w>) : fp32[4, 4]
          %h = linear(x=%x, weight=%w)
          %old = read_state(input=%s)
          %new = add(x=%old, y=%h)
          write_state(input=%s, data=%new)
          return y=%h`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 3, 4])
        state %s: fp32[1, 3, 4]
        %transpose = transpose(x=%x, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %expand_dims = expand_dims(x=%transpose, axes=[2]) : fp32[1, 4, 1, 3]
        %const = const(val=<w>) : fp32[4, 4, 1, 1]
        %conv = conv(x=%expand_dims, weight=%const, strides=[1, 1], pad_type="valid", pad=[0, 0, 0, 0], dilations=[1, 1], groups=1) : fp32[1, 4, 1, 3]
        %read_state = read_state(input=%s) : fp32[1, 3, 4]
        %transpose_1 = transpose(x=%read_state, perm=[0, 2, 1]) : fp32[1, 4, 3]
        %expand_dims_1 = expand_dims(x=%transpose_1, axes=[2]) : fp32[1, 4, 1, 3]
        %add = add(x=%expand_dims_1, y=%conv) : fp32[1, 4, 1, 3]
        %squeeze = squeeze(x=%add, axes=[2]) : fp32[1, 4, 3]
        %transpose_2 = transpose(x=%squeeze, perm=[0, 2, 1]) : fp32[1, 3, 4]
        write_state(input=%s, data=%transpose_2)
        %squeeze_1 = squeeze(x=%conv, axes=[2]) : fp32[1, 4, 3]
        %transpose_3 = transpose(x=%squeeze_1, perm=[0, 2, 1]) : fp32[1, 3, 4]
        return y=%transpose_3"
    `)
  })
  it.each(['fp32', 'fp16'] as const)('under cached attention are read where they stand (%s)', precision => {
    const graph = lower(
      `
      graph main(%x: fp32[1, 2, 4], %kc: fp32[1, 4, 1, 5], %vc: fp32[1, 4, 1, 5], %filled: fp32[1, 5])
        %q = const(val=<q>) : fp32[4, 4]
        %k = const(val=<k>) : fp32[4, 4]
        %v = const(val=<v>) : fp32[4, 4]
        %t = const(val=<1 0 1 1>) : fp32[1, 2, 2]
        %cb = const(val=<cb>) : fp32[1, 2, 1, 5]
        %nb = const(val=<nb>) : fp32[1, 1, 2, 2]
        %1 = linear(x=%x, weight=%q)
        %2 = linear(x=%x, weight=%k)
        %3 = linear(x=%x, weight=%v)
        %a = cached_attention(query=%1, key_cache=%kc, value_cache=%vc, key=%2, value=%3, cache_mask=%filled, mask=%t, cache_bias=%cb, bias=%nb, heads=2, scale=0.5)
        %b = cached_attention(query=%1, key_cache=%kc, value_cache=%vc, heads=1, scale=0.5)
        %y = add(x=%a, y=%b)
        return y=%y`,
      precision,
    )
    const moved = graph.ops.filter(op => op.kind === 'transpose').map(op => (op.operands.x as { name: string }).name)
    expect(moved).toEqual(['x', expect.stringMatching(/squeeze/)])
  })
})

describe('origins and hits', () => {
  it('tell where an op of the target comes from', () => {
    const source = parseGraph(`
      graph main(%x: fp32[1, 3, 4])
        %w = const(val=<w>) : fp32[4, 4]
        %h = linear(x=%x, weight=%w)  # layer.0.dense
        %y = relu(x=%h)  # layer.0.act
        return y=%y`)
    const { graph, hits } = lowerToAne(source, { precision: 'fp16' })
    expect(hits).toEqual({ 'ane-linear': 1, 'ane-relu': 1 })
    expect(graph.ops.find(({ kind }) => kind === 'conv')!.origin.module).toBe('layer.0.dense')
    expect(graph.ops.find(({ kind }) => kind === 'relu')!.outputs[0]!.name).toBe('layer_0_act_relu')
  })
})

describe('islands in fp32', () => {
  it('keep their ops, whatever form those take', () => {
    const graph = lower(
      `
      graph main(%x: fp32[1, 3, 4])
        %w = const(val=<w>) : fp32[4, 4]
        %g = const(val=<g>) : fp32[4]
        %h = linear(x=%x, weight=%w)
        %n = exact rms_norm(x=%h, gamma=%g, epsilon=0.001)
        %q = exact linear(x=%n, weight=%w)
        %a = attention(query=%q, key=%n, value=%n, heads=2, scale=0.5)
        return y=%a`,
      'fp16',
    )
    const kinds = (exact: boolean) =>
      new Set(graph.ops.filter(op => op.kind !== 'const' && (op.exact === true) === exact).map(op => op.kind))
    expect(kinds(true)).toEqual(new Set(['mul', 'concat', 'layer_norm', 'split', 'conv']))
    expect(kinds(false).has('layer_norm')).toBe(false)
    expect(kinds(false).has('softmax')).toBe(true)
  })
})

const opsOf = (graph: Graph): string[] =>
  graph.ops.filter(({ kind }) => kind !== 'const').map(op => `${op.kind} ${op.outputs.map(({ type }) => `[${type.shape}]`).join(' ')}`)

describe('maps', () => {
  it('are born in place by convolutions, and a transpose is another name for it', () =>
    expect(
      opsOf(
        lower(`
        graph main(%x: fp32[1, 3, 4, 6])
          %k = const(val=<k>) : fp32[5, 3, 2, 2]
          %g = const(val=<g>) : fp32[5]
          %w = const(val=<w>) : fp32[4, 5]
          %p = const(val=<p>) : fp32[1, 2, 3, 5]
          %c = conv(x=%x, weight=%k, strides=[2, 2], pad=[0, 0, 0, 0], dilations=[1, 1])
          %t = transpose(x=%c, perm=[0, 2, 3, 1])
          %a = add(x=%t, y=%p)
          %n = layer_norm(x=%a, gamma=%g, axes=[-1])
          %h = linear(x=%n, weight=%w)
          %s = softmax(x=%h)
          %y = transpose(x=%s, perm=[0, 3, 1, 2])
          return y=%y`),
      ),
    ).toEqual(['conv [1,5,2,3]', 'add [1,5,2,3]', 'layer_norm [1,5,2,3]', 'conv [1,4,2,3]', 'softmax [1,4,2,3]']))
  it('become tokens and maps again by reshapes in place', () =>
    expect(
      opsOf(
        lower(`
        graph main(%x: fp32[2, 3, 4, 6])
          %w = const(val=<w>) : fp32[5, 3]
          %v = const(val=<v>) : fp32[3, 5]
          %c = relu(x=%x)
          %m = max_pool(x=%c, kernel_sizes=[1, 1], strides=[1, 1], pad=[0, 0, 0, 0])
          %t = transpose(x=%m, perm=[0, 2, 3, 1])
          %r = reshape(x=%t, shape=[2, 24, 3])
          %h = linear(x=%r, weight=%w)
          %a = relu(x=%h)
          %u = linear(x=%a, weight=%v)
          %b = reshape(x=%u, shape=[2, 4, 6, 3])
          %d = add(x=%b, y=%t)
          %y = transpose(x=%d, perm=[0, 3, 1, 2])
          return y=%y`),
      ),
    ).toEqual([
      'relu [2,3,4,6]',
      'max_pool [2,3,4,6]',
      'reshape [2,3,1,24]',
      'conv [2,5,1,24]',
      'relu [2,5,1,24]',
      'conv [2,3,1,24]',
      'reshape [2,3,4,6]',
      'add [2,3,4,6]',
    ]))
  it('and tokens meet where fewest elements move', () => {
    // A vector per image, in [B, 1, C], and a map in [B, C, 1, W]: the vector moves.
    const graph = lower(`
      graph main(%x: fp32[2, 3, 1, 6], %v: fp32[2, 1, 6])
        %w = const(val=<w>) : fp32[6, 6]
        %m = avg_pool(x=%x, kernel_sizes=[1, 1], strides=[1, 1], pad=[0, 0, 0, 0])
        %h = linear(x=%v, weight=%w)
        %r = reshape(x=%m, shape=[2, 3, 6])
        %y = mul(x=%h, y=%r)
        return y=%y`)
    expect(opsOf(graph).slice(-3)).toEqual(['reshape [2,1,1,6]', 'mul [2,3,1,6]', 'squeeze [2,3,6]'])
  })
  it.each([
    ['conv_transpose', ', weight=%k, strides=[2, 2], pad=[0, 0, 0, 0], dilations=[1, 1]'],
    ['batch_norm', ', mean=%m, variance=%q'],
    ['instance_norm', ''],
    ['avg_pool', ', kernel_sizes=[2, 2], strides=[2, 2], pad=[0, 0, 0, 0]'],
    ['upsample_nearest_neighbor', ', scale_factor_height=2, scale_factor_width=2'],
    ['resize_bilinear', ', target_size_height=3, target_size_width=8'],
    ['pixel_shuffle', ', upscale_factor=2'],
    ['pad', ', pad=[1, 0, 0, 2]'],
    ['pad', ', pad=[1, 1, 1, 1], mode="reflect"'],
    ['pad', ', pad=[0, 1, 1, 0, 0, 0, 0, 0]'],
  ])('keep %s(%s) where it is, wherever its operand comes from', (kind, rest) => {
    const graph = (before: string) => `
      graph main(%x: fp32[1, 4, 4, 4])
        %k = const(val=<k>) : fp32[4, 2, 2, 2]
        %m = const(val=<m>) : fp32[4]
        %q = const(val=<1 2 1 3>) : fp32[4]
        %w = const(val=<w>) : fp32[4, 4]
        ${before}
        %y = ${kind}(x=%h${rest})
        return y=%y`
    const fromConv = lower(graph('%h = pixel_shuffle(x=%x, upscale_factor=1)'))
    expect(opsOf(fromConv).filter(text => text.startsWith('transpose'))).toEqual([])
    lower(graph('%h = linear(x=%x, weight=%w)'))
    lower(graph('%l = linear(x=%x, weight=%w)\n %h = transpose(x=%l, perm=[0, 3, 1, 2])'))
  })
  it('pad tokens and channels where they stand', () => {
    expect(inside('%y = pad(x=%h, pad=[1, 2, 0, 1])')).toMatchInlineSnapshot(`
      "pad [2,5,1,6]
      squeeze [2,5,6]
      transpose [2,6,5]"
    `)
    expect(inside('%y = pad(x=%h, pad=[1, 2, 0, 0])')).toMatchInlineSnapshot(`
      "pad [2,4,1,6]
      squeeze [2,4,6]
      transpose [2,6,4]"
    `)
    expect(inside('%y = pad(x=%h, pad=[1, 1, 1, 1], mode="reflect")')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      pad [2,5,6]"
    `)
  })
})

describe('reshapes', () => {
  it('of heads stay where they are, and so do products with the heads as batch', () => {
    const graph = lower(`
      graph main(%x: fp32[2, 3, 4])
        %w = const(val=<w>) : fp32[4, 4]
        %v = const(val=<v>) : fp32[4, 4]
        %a = linear(x=%x, weight=%w)
        %b = linear(x=%x, weight=%v)
        %c = reshape(x=%a, shape=[2, 3, 2, 2])
        %d = transpose(x=%c, perm=[0, 2, 1, 3])
        %e = reshape(x=%b, shape=[2, 3, 2, 2])
        %f = transpose(x=%e, perm=[0, 2, 1, 3])
        %s = matmul(x=%d, y=%f, transpose_y=true)
        %p = softmax(x=%s)
        %m = matmul(x=%p, y=%f)
        %t = transpose(x=%m, perm=[0, 2, 1, 3])
        %y = reshape(x=%t, shape=[2, 3, 4])
        return y=%y`)
    expect(opsOf(graph)).toMatchInlineSnapshot(`
      [
        "transpose [2,4,3]",
        "expand_dims [2,4,1,3]",
        "conv [2,4,1,3]",
        "conv [2,4,1,3]",
        "reshape [2,2,2,3]",
        "reshape [2,2,2,3]",
        "matmul [2,2,3,3]",
        "softmax [2,2,3,3]",
        "matmul [2,2,3,2]",
        "transpose [2,3,2,2]",
        "reshape [2,3,4]",
      ]
    `)
  })
  it('that would move elements go back to the plain layout', () => {
    expect(inside('%y = reshape(x=%h, shape=[2, 12])')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      reshape [2,12]"
    `)
    expect(inside('%r = reshape(x=%h, shape=[2, 2, 6])', '%y = relu(x=%r)')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      reshape [2,2,6]
      relu [2,2,6]"
    `)
  })
  it('take and give axes of size 1 without an op of their own', () => {
    expect(inside('%e = expand_dims(x=%h, axes=[1])', '%r = relu(x=%e)', '%y = squeeze(x=%r, axes=[1])')).toMatchInlineSnapshot(`
      "relu [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
  })
  it('of more axes than there are places go back', () => {
    expect(inside('%e = expand_dims(x=%h, axes=[1, 2])', '%y = relu(x=%e)')).toMatchInlineSnapshot(`
      "squeeze [2,4,3]
      transpose [2,3,4]
      expand_dims [2,1,1,3,4]
      relu [2,1,1,3,4]"
    `)
  })
})

describe('products of maps', () => {
  it('have rows as the free axis of the einsum', () => {
    const graph = lower(`
      graph main(%x: fp32[1, 2, 3, 4], %y: fp32[1, 2, 4, 5])
        %w = const(val=<w>) : fp32[4, 4]
        %h = linear(x=%x, weight=%w)
        %m = matmul(x=%h, y=%y)
        return m=%m`)
    expect(opsOf(graph)).toMatchInlineSnapshot(`
      [
        "transpose [1,4,2,3]",
        "conv [1,4,2,3]",
        "transpose [1,5,2,4]",
        "einsum [1,5,2,3]",
        "transpose [1,2,3,5]",
      ]
    `)
  })
  it('of different batches, where one is born in place', () => {
    const graph = lower(`
      graph main(%x: fp32[2, 1, 2, 4], %y: fp32[1, 3, 4, 5])
        %p = max_pool(x=%x, kernel_sizes=[1, 1], strides=[1, 1], pad=[0, 0, 0, 0])
        %m = matmul(x=%p, y=%y)
        return m=%m`)
    expect(opsOf(graph)).toEqual(['max_pool [2,1,2,4]', 'matmul [2,3,2,5]'])
  })
})

describe('rotary positions', () => {
  const graphOf = (type: string, tables: string, heads: number) => `
    graph main(%x: fp32[${type}], %ci: fp32[${tables}], %si: fp32[${tables}])
      %w = const(val=<w>) : fp32[12, 12]
      %c = const(val=<c>) : fp32[${tables}]
      %s = const(val=<s>) : fp32[${tables}]
      %h = linear(x=%x, weight=%w)
      %a = rotary(x=%h, cos=%c, sin=%s, heads=${heads})
      %y = rotary(x=%a, cos=%ci, sin=%si, heads=${heads})
      return y=%y`
  it.each([
    ['2, 3, 12', '3, 4', 3],
    ['2, 3, 12', '3, 2', 3],
    ['2, 3, 12', '2, 3, 6', 2],
    ['1, 3, 12', '3, 12', 1],
    ['2, 2, 3, 12', '3, 4', 3],
    ['2, 2, 3, 12', '1, 2, 3, 4', 2],
  ])('over [%s] with tables [%s] and %i heads', (type, tables, heads) => {
    expect(opsOf(lower(graphOf(type, tables, heads))).filter(text => text.startsWith('transpose')).length).toBeLessThanOrEqual(4)
  })
  it('with known tables are a split, a concat and three ops', () => {
    expect(
      inside('%c = const(val=<c>) : fp32[3, 2]', '%s = const(val=<s>) : fp32[3, 2]', '%y = rotary(x=%h, cos=%c, sin=%s, heads=2)'),
    ).toMatchInlineSnapshot(`
      "split [2,1,1,3] [2,1,1,3] [2,1,1,3] [2,1,1,3]
      concat [2,4,1,3]
      mul [2,4,1,3]
      mul [2,4,1,3]
      add [2,4,1,3]
      squeeze [2,4,3]
      transpose [2,3,4]"
    `)
  })
})

describe('running sums', () => {
  const sum = (from: string, rest: string) => opsOf(lower(`graph main(%x: ${from})\n ${rest}\n return y=%y`))
  it('of flags are a product with a triangle, exact in fp16', () => {
    const ops = sum(
      'int32[2, 5]',
      '%z = const(val=<0>) : int32[1]\n %f = not_equal(x=%x, y=%z)\n %n = cast(x=%f, dtype="int32")\n %y = cumsum(x=%n, axis=1)',
    )
    expect(ops).toEqual(['not_equal [2,5]', 'cast [2,5]', 'expand_dims [2,5,1,1]', 'conv [2,5,1,1]', 'squeeze [2,5]', 'cast [2,5]'])
  })
  it('of integers of any size stay integers', () => expect(sum('int32[2, 5]', '%y = cumsum(x=%x, axis=1)')).toEqual(['cumsum [2,5]']))
  it('of more flags than fp16 counts do too', () => {
    const long = (precision: Precision) =>
      lower('graph main(%x: bool[1, 2049])\n %n = cast(x=%x, dtype="int32")\n %y = cumsum(x=%n, axis=1)\n return y=%y', precision).ops.map(
        ({ kind }) => kind,
      )
    expect(long('fp16')).toEqual(['cast', 'cumsum'])
    expect(long('fp32')).toEqual(['cast', 'cumsum'])
    const bounded = (precision: Precision) =>
      lower(
        'graph main(%x: bool[1, 9])\n %n = cast(x=%x, dtype="int32")\n %c = const(val=<300>) : int32[1]\n %m = mul(x=%n, y=%c)\n %y = cumsum(x=%m, axis=1)\n return y=%y',
        precision,
      ).ops.map(({ kind }) => kind)
    expect(bounded('fp16')).toContain('cumsum')
    expect(bounded('fp32')).toContain('conv')
  })
  it.each([
    ['fp32[2, 5]', 'axis=1'],
    ['fp32[2, 5]', 'axis=0'],
    ['fp32[2, 5, 3]', 'axis=1, exclusive=true'],
    ['fp32[2, 5, 3]', 'axis=-1, reverse=true'],
    ['fp32[2, 5, 3]', 'axis=0, exclusive=true, reverse=true'],
    ['fp32[2, 3, 4, 2]', 'axis=2'],
  ])('of %s with %s', (type, attributes) => {
    const kinds = sum(type, `%y = cumsum(x=%x, ${attributes})`).map(text => text.split(' ')[0])
    expect(kinds).toContain('conv')
    expect(kinds).not.toContain('cumsum')
  })
})

describe('one token of each row', () => {
  const pick = (source: string, position: string) =>
    opsOf(
      lower(`
        graph main(%x: fp32[2, 3, 4], %f: ${source})
          %w = const(val=<w>) : fp32[4, 4]
          %h = linear(x=%x, weight=%w)
          ${position}
          %e = expand_dims(x=%p, axes=[2])
          %i = tile(x=%e, reps=[1, 1, 4])
          %g = gather_along_axis(x=%h, indices=%i, axis=1)
          %s = squeeze(x=%g, axes=[1])
          %y = linear(x=%s, weight=%w)
          return y=%y`),
    )
  it('is a product with a one-hot row', () =>
    expect(
      pick(
        'bool[2, 3]',
        '%b = cast(x=%f, dtype="int32")\n %c = const(val=<0 1 2>) : int32[1, 3]\n %m = mul(x=%b, y=%c)\n %p = reduce_max(x=%m, axes=[1], keep_dims=true)',
      ).slice(3),
    ).toMatchInlineSnapshot(`
      [
        "cast [2,3]",
        "mul [2,3]",
        "reduce_max [2,1]",
        "equal [2,3]",
        "cast [2,3]",
        "expand_dims [2,1,1,3]",
        "mul [2,4,1,3]",
        "reduce_sum [2,4,1,1]",
        "conv [2,4,1,1]",
        "squeeze [2,4]",
      ]
    `))
  it('that may be counted from the end is counted from the start first', () =>
    expect(pick('int32[2, 1]', '%p = sub(x=%f, y=%f)')).toContain('mod [2,1]'))
  it('of another token for each channel stays a gather', () => {
    const source = parseGraph(
      'graph main(%x: fp32[2, 3, 4], %i: int32[2, 1, 4])\n %y = gather_along_axis(x=%x, indices=%i, axis=1)\n return y=%y',
    )
    const { graph } = lowerToAne(source, { precision: 'fp16' })
    expectSameValues(graph, source)
    expect(graph.ops.map(({ kind }) => kind)).toEqual(['gather_along_axis'])
  })
})

describe('places before a position', () => {
  const filled = (context: number, iota: string, port?: Port) => {
    const b = new Builder('main')
    const position = b.input('position', 'int32', [1, 1], port)
    const places =
      iota === 'places'
        ? computedConstant('int32', [1, context], iota, at => at)
        : computedConstant('int32', [1, context], iota, at => at + 1)
    const source = b.finish({ y: b.cast({ x: b.less({ x: b.constant(places), y: position }), dtype: 'fp32' }) })
    const { graph } = lowerToAne(source, { precision: 'fp16' })
    verifyGraph(graph)
    for (const at of [0, 1, context - 1, ...(port ? [] : [context, context + 5, -3])])
      expectSameValues(graph, source, { inputs: { position: denseConstant('int32', [1, 1], Int32Array.of(at)) } })
    return opsOf(graph)
  }
  it('are a row of a triangle', () =>
    expect(filled(32, 'places', { role: 'positions', below: 32 })).toEqual(['reshape [1]', 'gather [1,32]']))
  it('of which nothing is known are held within it', () =>
    expect(filled(32, 'places')).toEqual(['reshape [1]', 'maximum [1]', 'minimum [1]', 'gather [1,32]']))
  it('of a table too large, or of other numbers, are compared', () => {
    expect(filled(2080, 'places')).toEqual(['less [1,2080]', 'cast [1,2080]'])
    expect(filled(32, 'other')).toEqual(['less [1,32]', 'cast [1,32]'])
  })
})

describe('an output matrix over the axis cap', () => {
  const text = `
    graph main(%x: fp32[1, 1, 4])
      %w = const(val=<wide>) : fp32[33000, 4]
      %v = const(val=<bias>) : fp32[33000]
      %y = linear(x=%x, weight=%w, bias=%v)
      return y=%y`
  const parts = (source: Graph, splitHead: boolean) => {
    const { graph } = lowerToAne(source, { precision: 'fp16', splitHead })
    verifyGraph(graph, 'ane')
    expectSameValues(graph, source)
    return opsOf(graph)
  }
  it('is whole, or in parts where the target says so', () => {
    expect(parts(parseGraph(text), false)).toContain('conv [1,33000,1,1]')
    expect(parts(parseGraph(text), true)).toMatchInlineSnapshot(`
      [
        "reshape [1,4,1,1]",
        "conv [1,11008,1,1]",
        "reshape [1,1,11008]",
        "conv [1,11008,1,1]",
        "reshape [1,1,11008]",
        "conv [1,10984,1,1]",
        "reshape [1,1,10984]",
        "concat [1,1,33000]",
      ]
    `)
  })
  it('that is no output stays whole', () => {
    const inner = parseGraph(text.replace('return y=%y', '%z = reduce_max(x=%y, axes=[-1])\n return z=%z'))
    expect(parts(inner, true)).toContain('conv [1,33000,1,1]')
  })
})

describe('an image', () => {
  it('stands where channels first does, so that turning it moves nothing', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, 3, 4, 5], image([]))
    const places = b.constant(random('places', [1, 4, 5, 2]))
    const pixels = b.concat({ values: [b.transpose({ x, perm: [0, 2, 3, 1] }), places], axis: -1 })
    const source = b.finish({ y: b.reduce_sum({ x: b.layer_norm({ x: pixels, axes: [-1] }), axes: [1, 2] }), x })
    const { graph } = lowerToAne(source, { precision: 'fp32' })
    verifyGraph(graph, 'ane')
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(graph.ops.map(({ kind }) => kind)).not.toContain('transpose')
  })
})

describe('a vision encoder', () => {
  /** Patches, a block with windows that reach beyond the map, a global block, a neck of convolutions and a transposed one, as SAM has them. */
  function encoder({ tables }: { readonly tables: boolean }): Graph {
    const b = new Builder('main')
    const [width, grid, window, heads] = [8, 5, 2, 2]
    const weight = (name: string, shape: readonly number[]) => b.constant(random(name, shape))
    const linear = (name: string, x: Value, out: number) =>
      b.linear({ x, weight: weight(`${name}.weight`, [out, x.type.shape.at(-1)!]), bias: weight(`${name}.bias`, [out]) })
    const norm = (name: string, x: Value) =>
      b.layer_norm({
        x,
        gamma: weight(`${name}.weight`, [x.type.shape.at(-1)!]),
        beta: weight(`${name}.bias`, [x.type.shape.at(-1)!]),
        axes: [-1],
      })
    const conv = (name: string, x: Value, out: number, size: number, stride: number, pad: number) =>
      b.conv({
        x,
        weight: weight(name, [out, x.type.shape[1]!, size, size]),
        strides: [stride, stride],
        pad_type: pad > 0 ? 'custom' : 'valid',
        pad: [pad, pad, pad, pad],
        dilations: [1, 1],
      })
    const attend = (name: string, x: Value, side: number) =>
      b.attention({
        query: linear(`${name}.q`, x, width),
        key: linear(`${name}.k`, x, width),
        value: linear(`${name}.v`, x, width),
        ...(tables
          ? {
              relative_rows: weight(`${name}.rows`, [side, side, width / heads]),
              relative_columns: weight(`${name}.columns`, [side, side, width / heads]),
            }
          : {}),
        heads,
        scale: (width / heads) ** -0.5,
        scale_relative: false,
      })
    const block = (name: string, x: Value, mix: (x: Value) => Value) => {
      const mixed = b.add({ x, y: mix(norm(`${name}.norm1`, x)) })
      const up = b.gelu({ x: linear(`${name}.up`, norm(`${name}.norm2`, mixed), 2 * width) })
      return b.add({ x: mixed, y: linear(`${name}.down`, up, width) })
    }
    const channelNorm = (name: string, x: Value) =>
      b.transpose({ x: norm(name, b.transpose({ x, perm: [0, 2, 3, 1] })), perm: [0, 3, 1, 2] })

    const pixels = b.input('pixel_values', 'fp32', [1, 3, 2 * grid, 2 * grid])
    let x = b.transpose({ x: conv('patch', pixels, width, 2, 2, 0), perm: [0, 2, 3, 1] })
    x = b.add({ x, y: weight('positions', [1, grid, grid, width]) })
    x = block('windowed', x, normed => {
      const windows = attend('windowed', b.window_partition({ x: normed, window }), window)
      return b.window_merge({ x: linear('windowed.out', windows, width), window, height: grid, width: grid })
    })
    x = block('global', x, normed => {
      const tokens = attend('global', b.reshape({ x: normed, shape: [1, grid * grid, width] }), grid)
      return b.reshape({ x: linear('global.out', tokens, width), shape: [1, grid, grid, width] })
    })
    const first = channelNorm('neck.0', conv('neck.1', b.transpose({ x, perm: [0, 3, 1, 2] }), 6, 1, 1, 0))
    const second = channelNorm('neck.2', conv('neck.3', first, 6, 3, 1, 1))
    const up = b.conv_transpose({ x: second, weight: weight('up', [6, 3, 2, 2]), strides: [2, 2], pad: [0, 0, 0, 0], dilations: [1, 1] })
    const graph = b.finish({ image_embeddings: second, upscaled: up })
    verifyGraph(graph)
    return graph
  }
  const moving = (graph: Graph) => graph.ops.filter(op => op.kind === 'transpose').length

  it.each(['fp32', 'fp16'] as const)('moves the keys of each attention and its windows, nothing else (%s)', precision => {
    const source = encoder({ tables: false })
    const { graph } = lowerToAne(source, { precision })
    verifyGraph(graph, 'ane')
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(moving(graph)).toBe(4)
    expect(graph.ops.filter(op => ['linear', 'matmul', 'attention', 'mul'].includes(op.kind))).toEqual([])
    expect(new Set(graph.ops.flatMap(op => op.outputs.map(({ type }) => type.shape.length)))).toEqual(new Set([1, 4]))
  })
  it.each(['fp32', 'fp16'] as const)('with decomposed positions turns the columns of each attention there and back (%s)', precision => {
    const source = encoder({ tables: true })
    const { graph } = lowerToAne(source, { precision })
    verifyGraph(graph, 'ane')
    expectSameValues(graph, source, { tolerance: 1e-6 })
    expect(moving(graph)).toBe(4 + 2 * 2)
    expect(graph.ops.filter(op => ['linear', 'matmul', 'attention', 'mul'].includes(op.kind))).toEqual([])
    expect(Math.max(...graph.ops.flatMap(op => op.outputs.map(({ type }) => type.shape.length)))).toBe(4)
  })
  it('means in its plain expansion what it says', () => {
    const source = encoder({ tables: true })
    const { graph } = rewriteGraph(source, plainExpansions)
    verifyGraph(graph, 'plain')
    expectSameValues(graph, source, { tolerance: 1e-6 })
  })
})
