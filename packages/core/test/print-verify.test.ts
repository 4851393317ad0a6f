import { describe, expect, it } from 'vitest'
import { Builder, type Graph, type Op, printGraph, printProgram, type Value, verifyGraph, verifyProgram } from '../src/index.ts'
import { parseGraph } from './parse-graph.ts'

const text = `
  graph main(%x: fp32[1, 4], %ids: int32[3])
    state %memory: fp32[1, 4]
    %w = const(val=<w>) : fp32[8, 4]
    %rows = gather(x=%w, indices=%ids, axis=0) : fp32[3, 4]  # embeddings.word_embeddings
    %sum = reduce_sum(x=%rows, axes=[0], keep_dims=true)  # pool
    %a, %b = split(x=%x, axis=1, split_sizes=[2, 2])
    %c = concat(values=[%b, %a], axis=-1)
    %g = gelu(x=%c, mode="TANH_APPROXIMATION")
    %m = slice_by_index(x=%g, begin=[0, 0], end=[1, 4], squeeze_mask=[true, false])
    %old = read_state(input=%memory)
    %new = add(x=%old, y=%sum)
    write_state(input=%memory, data=%new)
    return y=%m, z=%g`

describe('the text form', () => {
  it('has one op per line with every attribute', () => {
    expect(printGraph(parseGraph(text))).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 4], %ids: int32[3])
        state %memory: fp32[1, 4]
        %w = const(val=<w>) : fp32[8, 4]
        %rows = gather(x=%w, indices=%ids, axis=0, batch_dims=0, validate_indices=false) : fp32[3, 4]
        %sum = reduce_sum(x=%rows, axes=[0], keep_dims=true) : fp32[1, 4]
        %a, %b = split(x=%x, axis=1, split_sizes=[2, 2]) : fp32[1, 2], fp32[1, 2]
        %c = concat(values=[%b, %a], axis=-1, interleave=false) : fp32[1, 4]
        %g = gelu(x=%c, mode="TANH_APPROXIMATION") : fp32[1, 4]
        %m = slice_by_index(x=%g, begin=[0, 0], end=[1, 4], squeeze_mask=[true, false]) : fp32[4]
        %old = read_state(input=%memory) : fp32[1, 4]
        %new = add(x=%old, y=%sum) : fp32[1, 4]
        write_state(input=%memory, data=%new)
        return y=%m, z=%g"
    `)
  })
  it('can tell the modules', () => {
    expect(
      printGraph(parseGraph(text), { origins: true })
        .split('\n')
        .filter(line => line.includes('#')),
    ).toMatchInlineSnapshot(`
      [
        "  %rows = gather(x=%w, indices=%ids, axis=0, batch_dims=0, validate_indices=false) : fp32[3, 4]  # embeddings.word_embeddings",
        "  %sum = reduce_sum(x=%rows, axes=[0], keep_dims=true) : fp32[1, 4]  # pool",
      ]
    `)
  })
  it('can tell the rules that made an op', () => {
    const b = new Builder('main', {
      rules: [{ name: 'square-for-mul', why: 'one op', on: 'mul', rewrite: ({ operands: { x } }, to) => to.square({ x: x as Value }) }],
    })
    const x = b.input('x', 'fp32', [2])
    const graph = b.finish({ y: b.in('layer.0', () => b.mul({ x, y: x })), z: b.relu({ x }) })
    expect(printGraph(graph, { origins: true }).match(/#.*/g)).toEqual(['# layer.0 [square-for-mul]'])
  })
  it('is the same on every run, and reads back', () => {
    const printed = printGraph(parseGraph(text))
    expect(printGraph(parseGraph(text))).toBe(printed)
    expect(printGraph(parseGraph(printed))).toBe(printed)
  })
  it('of a program lists its functions', () => {
    const step = parseGraph('graph step(%x: fp32[1])\n return y=%x')
    expect(printProgram({ name: 'decoder', functions: [step, { ...step, name: 'prefill' }] })).toMatchInlineSnapshot(`
      "program decoder
      graph step(%x: fp32[1])
        return y=%x
      graph prefill(%x: fp32[1])
        return y=%x"
    `)
  })
})

describe('the verifier', () => {
  const graph = parseGraph(text)
  const problem = (broken: Graph, after?: string): string => {
    try {
      verifyGraph(broken, after)
    } catch (error) {
      return (error as { what: string }).what
    }
    throw new Error('nothing was thrown')
  }
  const find = (kind: string): Op => graph.ops.find(op => op.kind === kind)!
  /** The graph with one op changed in place. */
  const change = (kind: string, parts: Partial<Op>): Graph => ({
    ...graph,
    ops: graph.ops.map(op => (op.kind === kind ? { ...op, ...parts } : op)),
  })
  const retyped = (value: Value, shape: readonly number[]): Value => ({ ...value, type: { ...value.type, shape } })

  it('finds nothing wrong with a sound graph', () => {
    verifyGraph(graph)
    verifyProgram({ name: 'model', functions: [graph] })
  })
  it('names the stage that broke the graph', () => {
    expect(problem({ ...graph, outputs: [] }, 'ane')).toMatchInlineSnapshot(`"Graph "main" is broken after ane: it has no outputs."`)
    expect(() => verifyProgram({ name: 'model', functions: [{ ...graph, outputs: [] }] }, 'reading')).toThrow('after reading')
  })
  it('sees values defined twice, or under one name', () => {
    expect(problem({ ...graph, inputs: [...graph.inputs, graph.inputs[0]!] })).toMatchInlineSnapshot(
      `"Graph "main" is broken: "x" is defined twice."`,
    )
    expect(problem({ ...graph, inputs: [...graph.inputs, { ...graph.inputs[0]! }] })).toMatchInlineSnapshot(
      `"Graph "main" is broken: two values are called "x"."`,
    )
    expect(problem({ ...graph, ops: [...graph.ops, find('gelu')] })).toMatchInlineSnapshot(
      `"Graph "main" is broken: "g" is defined twice."`,
    )
  })
  it('sees dimensions that are none', () => {
    for (const dim of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
      expect(problem({ ...graph, inputs: [retyped(graph.inputs[0]!, [1, dim])] })).toBe(
        `Graph "main" is broken: "x" has the type fp32[1, ${dim}].`,
      )
    }
  })
  it('sees values used before they are defined', () => {
    expect(problem({ ...graph, ops: graph.ops.toReversed() })).toMatchInlineSnapshot(
      `"Graph "main" is broken: write_state uses "new" before it is defined."`,
    )
    expect(problem({ ...graph, inputs: [] })).toMatchInlineSnapshot(`"Graph "main" is broken: gather uses "ids" before it is defined."`)
  })
  it('sees outputs that are not there, or share a name', () => {
    const stranger: Value = { name: 'stranger', type: { dtype: 'fp32', shape: [1] } }
    expect(problem({ ...graph, outputs: [{ name: 'y', value: stranger }] })).toMatchInlineSnapshot(
      `"Graph "main" is broken: output "y" is "stranger", which is not defined."`,
    )
    expect(problem({ ...graph, outputs: [graph.outputs[0]!, graph.outputs[0]!] })).toMatchInlineSnapshot(
      `"Graph "main" is broken: two outputs are called "y"."`,
    )
  })
  it('sees ops that do not exist', () => {
    expect(problem(change('gelu', { kind: 'swish' }))).toMatchInlineSnapshot(`"Graph "main" is broken: there is no op "swish"."`)
    expect(problem(change('gelu', { kind: 'constructor' }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: there is no op "constructor"."`,
    )
  })
  it('sees parameters that an op does not have, or must have', () => {
    const gelu = find('gelu')
    expect(problem(change('gelu', { operands: { ...gelu.operands, y: gelu.operands.x! } }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: gelu "g" has no operand "y"."`,
    )
    expect(problem(change('gelu', { attributes: { ...gelu.attributes, axis: 1 } }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: gelu "g" has no attribute "axis"."`,
    )
    expect(problem(change('gelu', { operands: {} }))).toMatchInlineSnapshot(`"Graph "main" is broken: gelu "g" lacks the operand "x"."`)
    expect(problem(change('gelu', { operands: { x: [gelu.operands.x as Value] } }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: gelu "g": operand "x" has the wrong arity."`,
    )
    expect(problem(change('concat', { operands: { values: graph.inputs[0]! } }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: concat "c": operand "values" has the wrong arity."`,
    )
  })
  it('sees weights that are computed', () => {
    const linear = parseGraph(`
      graph main(%x: fp32[2, 4], %w: fp32[3, 4])
        %y = linear(x=%x, weight=%w)
        return y=%y`)
    expect(problem(linear)).toMatchInlineSnapshot(`"Graph "main" is broken: linear "y": operand "weight" is not a constant."`)
  })
  it('sees what the op itself refuses', () => {
    expect(problem(change('concat', { attributes: { axis: 7, interleave: false } }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: concat "c": axis 7 is outside rank 2."`,
    )
    expect(problem(change('gather', { operands: { x: graph.ops[0]!.outputs[0]!, indices: graph.inputs[0]! } }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: gather "rows": indices is fp32; allowed: int32, int16, uint16, int8, uint8."`,
    )
  })
  it('sees results of another type than the op computes', () => {
    const gelu = find('gelu')
    expect(problem(change('gelu', { outputs: [retyped(gelu.outputs[0]!, [4, 1])] }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: gelu "g" is declared fp32[4, 1] and computes fp32[1, 4]."`,
    )
    expect(problem(change('split', { outputs: [find('split').outputs[0]!] }))).toMatchInlineSnapshot(
      `"Graph "main" is broken: split "a" is declared fp32[1, 2] and computes fp32[1, 2], fp32[1, 2]."`,
    )
  })
})

describe('the parser of the tests', () => {
  it.each([
    ['graph main(%x: fp32[1])\n %y = relu(x=%z)\n return y=%y', '%z is not defined'],
    ['graph main(%x: fp32[1])\n %y = relu(x=%x) : fp32[2]\n return y=%y', 'the types are fp32[1]'],
    ['graph main(%x: fp32[1])\n %y = relu(x=%x)', 'no return'],
    ['graph main(%x: fp32[1])\n relu %x\n return y=%x', 'cannot read "relu %x"'],
  ])('refuses %j', (broken, reason) => expect(() => parseGraph(broken)).toThrow(reason))
})
