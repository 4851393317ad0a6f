import { describe, expect, it } from 'vitest'
import { Builder, computedConstant, definitionOf, identifier, printGraph, type Rule, scalarConstant, verifyGraph } from '../src/index.ts'

const message = (body: () => unknown): string => {
  try {
    body()
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  }
  throw new Error('nothing was thrown')
}

const weight = computedConstant('fp32', [8, 4], 'w', i => i)

describe('type errors', () => {
  const b = new Builder('main')
  const x = b.input('x', 'fp32', [2, 4])
  const ids = b.input('ids', 'int32', [2])

  it('name the op and what is wrong', () => {
    expect(message(() => b.linear({ x, weight: b.constant(computedConstant('fp32', [8, 5], 'v', i => i)) }))).toMatchInlineSnapshot(
      `"E_TYPE: linear: x ends in 4, the weight takes 5."`,
    )
    expect(message(() => b.add({ x, y: ids }))).toMatchInlineSnapshot(`"E_TYPE: add: operand types differ: fp32, int32."`)
    expect(message(() => b.softmax({ x: ids }))).toMatchInlineSnapshot(`"E_TYPE: softmax: x is int32; allowed: fp16, fp32."`)
    expect(message(() => b.reshape({ x, shape: [3, 3] }))).toMatchInlineSnapshot(`"E_TYPE: reshape: [2,4] cannot be [3,3]."`)
  })
  it('name the module that the op belongs to', () => {
    expect(message(() => b.in('encoder.layer.3', () => b.transpose({ x, perm: [0, 0] })))).toMatchInlineSnapshot(
      `"E_TYPE: transpose (encoder.layer.3): perm [0,0] for [2,4]."`,
    )
  })
  it('refuse parameters that an op does not have, or must have', () => {
    expect(message(() => b.emit('softmax', { x, axes: [1] }))).toMatchInlineSnapshot(`"E_TYPE: softmax: no parameter "axes"."`)
    expect(message(() => b.emit('softmax', {}))).toMatchInlineSnapshot(`"E_TYPE: softmax: operand x is missing."`)
    expect(message(() => b.emit('transpose', { x }))).toMatchInlineSnapshot(`"E_TYPE: transpose: attribute perm is missing."`)
    expect(message(() => b.emit('gelu', { x, mode: 'FAST' }))).toMatchInlineSnapshot(
      `"E_TYPE: gelu: mode is FAST; allowed: EXACT, TANH_APPROXIMATION, SIGMOID_APPROXIMATION."`,
    )
    expect(message(() => b.emit('swish', { x }))).toMatchInlineSnapshot(`"E_TYPE: swish: no op of this name."`)
    expect(message(() => b.emit('toString', { x }))).toMatchInlineSnapshot(`"E_TYPE: toString: no op of this name."`)
  })
  it('leave the graph as it was', () => {
    expect(printGraph(b.finish({ y: x }))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 4], %ids: int32[2])
        return y=%x"
    `)
  })
})

describe('equal ops', () => {
  it('become one, whatever the module', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [2, 4])
    const first = b.in('a', () => b.softmax({ x }))
    const second = b.in('b', () => b.softmax({ x, axis: -1 }))
    expect(second).toBe(first)
    expect(b.constant(scalarConstant('fp32', 2))).toBe(b.scalar(2, x))
  })
  it('differ by operands, attributes and the shape of a constant', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [4, 4])
    const y = b.input('y', 'fp32', [4, 4])
    expect(b.sub({ x, y })).not.toBe(b.sub({ x: y, y: x }))
    expect(b.softmax({ x, axis: 0 })).not.toBe(b.softmax({ x, axis: 1 }))
    expect(b.clip({ x, alpha: Number.NEGATIVE_INFINITY, beta: 1 })).not.toBe(b.clip({ x, alpha: Number.POSITIVE_INFINITY, beta: 1 }))
    expect(b.constant(weight)).not.toBe(b.constant({ ...weight, shape: [4, 8] }))
    expect(b.concat({ values: [x, y], axis: 0 })).not.toBe(b.concat({ values: [x], axis: 0 }))
    expect(b.layer_norm({ x, gamma: b.constant(computedConstant('fp32', [4], 'g', i => i)), axes: [1] })).not.toBe(
      b.layer_norm({ x, beta: b.constant(computedConstant('fp32', [4], 'g', i => i)), axes: [1] }),
    )
  })
  it('with several results give the same results', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [2, 4])
    expect(b.split({ x, axis: 1, split_sizes: [2, 2] })).toBe(b.split({ x, axis: 1, split_sizes: [2, 2] }))
  })
  it('come from one graph', () => {
    const other = new Builder('other').input('stranger', 'fp32', [2])
    expect(message(() => new Builder('main').relu({ x: other }))).toMatchInlineSnapshot(`
      "E_GRAPH: Graph "main" is broken: relu uses "stranger", which belongs to another graph.
      This is a fault in silane or in a plugin, not in your input."
    `)
  })
})

describe('effects', () => {
  it('keep their order and are neither merged nor dropped', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [4])
    const state = b.state('memory', 'fp32', [4])
    const before = b.read_state({ input: state })
    b.write_state({ input: state, data: b.add({ x: before, y: x }) })
    const after = b.read_state({ input: state })
    b.write_state({ input: state, data: b.add({ x: before, y: x }) })
    expect(after).not.toBe(before)
    const graph = b.finish({ y: after })
    verifyGraph(graph)
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "graph main(%x: fp32[4])
        state %memory: fp32[4]
        %read_state = read_state(input=%memory) : fp32[4]
        %add = add(x=%read_state, y=%x) : fp32[4]
        write_state(input=%memory, data=%add)
        %read_state_1 = read_state(input=%memory) : fp32[4]
        write_state(input=%memory, data=%add)
        return y=%read_state_1"
    `)
  })
  it('of reading alone are dropped with their result', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [4])
    b.read_state({ input: b.state('memory', 'fp32', [4]) })
    expect(printGraph(b.finish({ y: b.relu({ x }) }))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[4])
        state %memory: fp32[4]
        %relu = relu(x=%x) : fp32[4]
        return y=%relu"
    `)
  })
})

describe('names', () => {
  it('are legal, unique, and tell the module', () => {
    const b = new Builder('main')
    let x = b.input('x', 'fp32', [2, 4])
    x = b.in('encoder.layer.0/mlp', () => b.linear({ x, weight: b.constant({ ...weight, shape: [4, 4], id: 'v' }) }))
    x = b.in('encoder.layer.0/mlp', () => b.relu({ x }))
    x = b.in('1st', () => b.relu({ x }))
    const [first] = b.split({ x, axis: 1, split_sizes: [2, 2] })
    const named = b.from({ origin: { module: '', rules: [] } }, ['größe', 'x'], () => b.tanh({ x: first! }))
    expect(printGraph(b.finish({ y: named }))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 4])
        %encoder_layer_0_mlp_const = const(val=<v>) : fp32[4, 4]
        %encoder_layer_0_mlp_linear = linear(x=%x, weight=%encoder_layer_0_mlp_const) : fp32[2, 4]
        %encoder_layer_0_mlp_relu = relu(x=%encoder_layer_0_mlp_linear) : fp32[2, 4]
        %_1st_relu = relu(x=%encoder_layer_0_mlp_relu) : fp32[2, 4]
        %split_0, %split_1 = split(x=%_1st_relu, axis=1, split_sizes=[2, 2]) : fp32[2, 2], fp32[2, 2]
        %gr_e = tanh(x=%split_0) : fp32[2, 2]
        return y=%gr_e"
    `)
  })
  it('of the border are exact, and taken once', () => {
    const b = new Builder('main')
    b.relu({ x: b.input('relu', 'fp32', [1]) })
    expect(message(() => b.input('relu', 'fp32', [1]))).toMatchInlineSnapshot(`
      "E_GRAPH: Graph "main" is broken: two values are called "relu".
      This is a fault in silane or in a plugin, not in your input."
    `)
    expect(message(() => b.state('relu', 'fp32', [1]))).toMatchInlineSnapshot(`
      "E_GRAPH: Graph "main" is broken: two values are called "relu".
      This is a fault in silane or in a plugin, not in your input."
    `)
  })
  it('near any text are identifiers', () => {
    for (const text of ['', '0', 'a.b', 'über', '-', 'a  b', '_']) expect(identifier(text), text).toMatch(/^[A-Za-z_]\w*$/)
  })
})

describe('the finished graph', () => {
  it('has the ops that its outputs need, in the order in which they were added', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [4])
    const y = b.relu({ x })
    b.tanh({ x: b.sigmoid({ x: y }) })
    const z = b.abs({ x: y })
    expect(printGraph(b.finish({ z, y, again: y }))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[4])
        %relu = relu(x=%x) : fp32[4]
        %abs = abs(x=%relu) : fp32[4]
        return z=%abs, y=%relu, again=%relu"
    `)
  })
  it('keeps inputs that nothing needs', () => {
    const b = new Builder('main')
    b.input('unused', 'int32', [1])
    expect(b.finish({ y: b.relu({ x: b.input('x', 'fp32', [1]) }) }).inputs.map(({ name }) => name)).toEqual(['unused', 'x'])
  })
  it('is done with a deep graph without recursion', () => {
    const b = new Builder('main')
    let x = b.input('x', 'fp32', [1])
    for (let i = 0; i < 20_000; i++) x = b.add({ x, y: b.scalar(i, x) })
    expect(b.finish({ x }).ops.length).toBe(40_000)
  })
})

describe('origins', () => {
  it('nest, and end with their block even after an error', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1])
    const module = (value: { producer?: { origin: { module: string } } | undefined }) => value.producer!.origin.module
    b.in('outer', () => {
      expect(module(b.in('outer.inner', () => b.relu({ x })))).toBe('outer.inner')
      expect(module(b.tanh({ x }))).toBe('outer')
      expect(() => b.in('broken', () => b.add({ x, y: b.input('i', 'int32', [1]) }))).toThrow()
      expect(module(b.sigmoid({ x }))).toBe('outer')
    })
    expect(module(b.abs({ x }))).toBe('')
  })
  it('hints name the results of the next op only', () => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1])
    const names = b.from({ origin: { module: '', rules: [] } }, ['first'], () => [b.relu({ x }).name, b.tanh({ x }).name])
    expect(names).toEqual(['first', 'tanh'])
  })
})

describe('rules while building', () => {
  const toSilu: Rule = {
    name: 'to-silu',
    why: 'x·sigmoid(x) is silu',
    on: 'mul',
    rewrite: (op, b) => {
      const { x, y } = op.operands as Record<string, { producer?: { kind: string; operands: object } }>
      return y?.producer?.kind === 'sigmoid' && (y.producer.operands as { x: unknown }).x === x ? b.silu({ x: x as never }) : undefined
    },
  }
  it('replace an op before it is added, and are counted', () => {
    const b = new Builder('main', { rules: [toSilu] })
    const x = b.input('x', 'fp32', [2])
    const y = b.in('act', () => b.mul({ x, y: b.sigmoid({ x }) }))
    expect(y.producer).toMatchObject({ kind: 'silu', origin: { module: 'act', rules: ['to-silu'] } })
    expect(b.hits).toEqual({ 'to-silu': 1 })
    expect(printGraph(b.finish({ y }))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2])
        %act_silu = silu(x=%x) : fp32[2]
        return y=%act_silu"
    `)
  })
  it('that match what they made are stopped, by name', () => {
    const forever: Rule = { name: 'forever', why: 'never right', on: ['relu'], rewrite: (op, b) => b.relu({ x: op.operands.x as never }) }
    const b = new Builder('main', { rules: [forever] })
    expect(message(() => b.relu({ x: b.input('x', 'fp32', [1]) }))).toMatchInlineSnapshot(`
      "E_RULE_LOOP: Rule "forever" keeps rewriting relu: more than 64 replacements deep.
      A rule must not match what it made."
    `)
  })
})

it('definitions are not found on the prototype', () => {
  expect(definitionOf('constructor')).toBeUndefined()
  expect(definitionOf('relu')).toBeDefined()
})
