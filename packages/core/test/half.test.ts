import { describe, expect, it } from 'vitest'
import { Builder, type Constant, interpret, printGraph, type Rule, readAll, rewriteTo, type Value, verifyGraph } from '../src/index.ts'
import { EPSILON_FP16, MASKED_FP16, MAX_FP16, toHalf } from '../src/lower/half.ts'
import { parseGraph } from './parse-graph.ts'
import { numbersOf, sampleInputs } from './same-values.ts'

const half = (text: string): string => {
  const graph = toHalf(parseGraph(text))
  verifyGraph(graph, 'half')
  return printGraph(graph)
}

describe('a graph in fp16', () => {
  it('has every float in fp16, integers and names as before', () => {
    expect(
      half(`
        graph main(%x: fp32[2, 3], %ids: int32[2])
          state %s: fp32[2, 3]
          %t = const(val=<table>) : fp32[8, 3]
          %i = const(val=<1 0>) : int32[2]
          %e = gather(x=%t, indices=%ids, axis=0)
          %f = gather(x=%t, indices=%i, axis=0)
          %old = read_state(input=%s)
          %a = add(x=%e, y=%f)
          %c = add(x=%a, y=%x)
          %new = add(x=%c, y=%old)
          write_state(input=%s, data=%new)
          return y=%c`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp16[2, 3], %ids: int32[2])
        state %s: fp16[2, 3]
        %t = const(val=<cast:fp16(table)>) : fp16[8, 3]
        %i = const(val=<1 0>) : int32[2]
        %e = gather(x=%t, indices=%ids, axis=0, batch_dims=0, validate_indices=false) : fp16[2, 3]
        %f = gather(x=%t, indices=%i, axis=0, batch_dims=0, validate_indices=false) : fp16[2, 3]
        %old = read_state(input=%s) : fp16[2, 3]
        %a = add(x=%e, y=%f) : fp16[2, 3]
        %c = add(x=%a, y=%x) : fp16[2, 3]
        %new = add(x=%c, y=%old) : fp16[2, 3]
        write_state(input=%s, data=%new)
        return y=%c"
    `)
  })
  it('casts to fp16 where it cast to fp32', () => {
    expect(
      half(`
        graph main(%m: int32[2], %x: fp32[2])
          %f = cast(x=%m, dtype="fp32")
          %i = cast(x=%x, dtype="int32")
          return f=%f, i=%i`),
    ).toMatchInlineSnapshot(`
      "graph main(%m: int32[2], %x: fp16[2])
        %f = cast(x=%m, dtype="fp16") : fp16[2]
        %i = cast(x=%x, dtype="int32") : int32[2]
        return f=%f, i=%i"
    `)
  })
  it('raises epsilons to one that fp16 holds, and leaves larger ones and zero', () => {
    const epsilons = (value: number) =>
      /epsilon=([\d.e-]+)/.exec(half(`graph main(%x: fp32[2, 3])\n %y = layer_norm(x=%x, axes=[1], epsilon=${value})\n return y=%y`))![1]
    expect([1e-12, 1e-8, 1e-7, 1e-5, 0].map(epsilons)).toEqual(['1e-7', '1e-7', '1e-7', '0.00001', '0'])
    expect(Math.f16round(EPSILON_FP16)).toBeGreaterThan(0)
  })
  it('holds float attributes within its range, and no others', () => {
    expect(
      half(`
        graph main(%x: fp32[2, 3])
          %a = clip(x=%x, alpha=-1e+30, beta=1e+30)
          %b = pad(x=%a, pad=[0, 70000], constant_val=-3e+38)
          %c = softmax(x=%b, axis=1)
          return y=%c`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp16[2, 3])
        %a = clip(x=%x, alpha=-65504, beta=65504) : fp16[2, 3]
        %b = pad(x=%a, pad=[0, 70000], mode="constant", constant_val=-65504) : fp16[2, 70003]
        %c = softmax(x=%b, axis=1) : fp16[2, 70003]
        return y=%c"
    `)
    expect(Math.f16round(MAX_FP16)).toBe(MAX_FP16)
    expect(Number.isFinite(Math.f16round(2 * MASKED_FP16))).toBe(true)
  })
  it('rounds each constant once, while it is read, and takes stored fp16 as it is', () => {
    const graph = toHalf(
      parseGraph('graph main(%x: fp32[3])\n %w = const(val=<0.1 70000 -1>) : fp32[3]\n %y = add(x=%x, y=%w)\n return y=%y'),
    )
    const constant = graph.ops[0]!.attributes.val as Constant
    expect(Array.from(readAll(constant) as Float16Array<ArrayBuffer>)).toEqual([Math.f16round(0.1), Number.POSITIVE_INFINITY, -1])
  })
  it('keeps exact ops in fp32 with their constants and epsilons, with casts at their borders', () => {
    const source = parseGraph(`
      graph main(%x: fp32[2, 3])
        %w = const(val=<w>) : fp32[2, 3]
        %a = mul(x=%x, y=%w)
        %n = exact layer_norm(x=%a, axes=[1], epsilon=1e-12)
        %s = exact mul(x=%n, y=%w)
        %y = add(x=%s, y=%a)
        return y=%y, s=%s`)
    const graph = toHalf(source)
    verifyGraph(graph, 'half')
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "graph main(%x: fp16[2, 3])
        %w = const(val=<cast:fp16(w)>) : fp16[2, 3]
        %a = mul(x=%x, y=%w) : fp16[2, 3]
        %cast = exact cast(x=%a, dtype="fp32") : fp32[2, 3]
        %n = exact layer_norm(x=%cast, axes=[1], epsilon=1e-12) : fp32[2, 3]
        %const = const(val=<w>) : fp32[2, 3]
        %s = exact mul(x=%n, y=%const) : fp32[2, 3]
        %cast_1 = cast(x=%s, dtype="fp16") : fp16[2, 3]
        %y = add(x=%cast_1, y=%a) : fp16[2, 3]
        return y=%y, s=%cast_1"
    `)
    // What is rounded around the island does not change what the island makes of it.
    const inputs = sampleInputs(source)
    const [wanted, got] = [interpret(source, inputs), interpret(graph, inputs, { precision: 'declared' })]
    for (const name of ['y', 's'])
      for (const [i, value] of numbersOf(wanted[name]!).entries()) expect(numbersOf(got[name]!)[i]).toBeCloseTo(value, 2)
  })
  it('keeps exact inputs and outputs in fp32', () => {
    const b = new Builder('main')
    const points = b.input('points', 'fp32', [2], { role: 'points', exact: true })
    const scale = b.input('scale', 'fp32', [2])
    const graph = toHalf(b.finish({ near: b.mul({ x: points, y: scale }), far: { value: b.add({ x: points, y: points }), exact: true } }))
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "graph main(%points: fp32[2], %scale: fp16[2])
        %cast = cast(x=%points, dtype="fp16") : fp16[2]
        %mul = mul(x=%cast, y=%scale) : fp16[2]
        %add = add(x=%cast, y=%cast) : fp16[2]
        %cast_1 = cast(x=%add, dtype="fp32") : fp32[2]
        return near=%mul, far=%cast_1"
    `)
    expect(graph.inputs.map(({ port }) => port)).toEqual([{ role: 'points', exact: true }, undefined])
    expect(graph.outputs.map(({ port }) => port)).toEqual([undefined, { exact: true }])
  })
  it('leaves the graph that it was made from alone', () => {
    const text = 'graph main(%x: fp32[2])\n %y = relu(x=%x)\n return y=%y'
    const source = parseGraph(text)
    toHalf(source)
    expect(printGraph(source)).toBe(printGraph(parseGraph(text)))
  })
})

describe('the pipelines', () => {
  const source = parseGraph(`
    graph main(%x: fp32[1, 4, 8], %m: int32[1, 4])
      %w = const(val=<w>) : fp32[8, 8]
      %q = linear(x=%x, weight=%w)  # q
      %a = attention(query=%q, key=%x, value=%x, key_mask=%m, heads=2, scale=0.5)  # attention
      %y = layer_norm(x=%a, axes=[-1], epsilon=1e-12)
      return y=%y`)
  const inputs = sampleInputs(source)
  const wanted = numbersOf(interpret(source, inputs).y)
  const off = (actual: number[]) => Math.max(...actual.map((x, i) => Math.abs(x - wanted[i]!))) / Math.max(...wanted.map(Math.abs))

  it.each([
    ['onnx', 'fp32', 1e-6],
    ['onnx', 'fp16', 1e-6],
    ['coreml', 'fp32', 1e-6],
    ['coreml', 'fp16', 5e-3],
  ] as const)('to %s in %s keep what the graph computes', (name, precision, tolerance) => {
    const { graph, hits } = rewriteTo(source, { name, precision, opset: 8 })
    const exact = numbersOf(interpret(graph, inputs).y)
    expect(off(exact)).toBeLessThan(tolerance)
    const rounded = numbersOf(interpret(graph, inputs, { precision: 'declared' }).y)
    expect(off(rounded)).toBeLessThan(tolerance)
    expect(hits).toMatchSnapshot()
    const types = new Set(graph.ops.flatMap(op => op.outputs.map(({ type }) => type.dtype)))
    expect(types.has('fp16')).toBe(name === 'coreml' && precision === 'fp16')
    expect(types.has('fp32')).toBe(!types.has('fp16'))
  })
  it('gives the graph after every pass, and the one before anything is rounded', () => {
    const { graph, exact, passes } = rewriteTo(source, { name: 'coreml', precision: 'fp16', opset: 8 })
    expect(passes.map(({ pass }) => pass)).toEqual(['plugin-rules', 'image-inputs', 'large', 'ane', 'half'])
    expect(passes.at(-1)?.graph).toBe(graph)
    expect(passes.find(({ pass }) => pass === 'ane')?.graph).toBe(exact)
    const floats = ({ ops }: typeof graph) => new Set(ops.flatMap(({ outputs }) => outputs.map(({ type }) => type.dtype)))
    expect(floats(exact)).not.toContain('fp16')
    expect(floats(graph)).not.toContain('fp32')
  })
  it('has nothing rounded in fp32', () => {
    const { graph, exact } = rewriteTo(source, { name: 'coreml', precision: 'fp32', opset: 8 })
    expect(exact).toBe(graph)
  })
  it('apply a plugin’s rules first, and verify what they made', () => {
    const target = { name: 'coreml', precision: 'fp32', opset: 8 } as const
    const seen: string[] = []
    const spy: Rule = { name: 'spy', why: 'sees composites', on: ['attention'], rewrite: op => void seen.push(op.kind) }
    rewriteTo(source, target, { rules: [spy] })
    expect(seen).toEqual(['attention'])
    const wrong: Rule = {
      name: 'wrong',
      why: 'gives another type',
      on: 'layer_norm',
      rewrite: (op, b) => b.scalar(1, op.operands.x as Value),
    }
    expect(() => rewriteTo({ ...source, outputs: [] }, target)).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: Graph "main" is broken after load: it has no outputs.
      This is a fault in silane or in a plugin, not in your input.]
    `)
    expect(() => rewriteTo(source, target, { rules: [wrong] })).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: Graph "main" is broken: rule "wrong" gives fp32[] for a layer_norm of fp32[1, 4, 8].
      This is a fault in silane or in a plugin, not in your input.]
    `)
  })
})
