import { describe, expect, it } from 'vitest'
import { denseConstant, interpret, isSilaneError, ops, printType, verifyGraph } from '../src/index.ts'
import { opCases } from './op-cases.ts'
import { parseGraph } from './parse-graph.ts'
import { readUse, tensorsOf } from './read-use.ts'
import { numbersOf } from './same-values.ts'

it('every op has cases, and every case an op', () => expect(Object.keys(opCases).sort()).toEqual(Object.keys(ops).sort()))

for (const [kind, { legal, illegal }] of Object.entries(opCases)) {
  describe(kind, () => {
    it('says what it computes', () => expect(ops[kind]!.doc).toMatch(/^\S.+$/))

    for (const [use, type, elements] of legal)
      it(use, () => {
        const { graph, given } = readUse(use)
        const op = graph.ops.find(op => op.kind === kind)!
        expect(op.outputs.map(value => printType(value.type)).join(', ')).toBe(type)
        const results = interpret(graph, tensorsOf(graph, given))
        if (!elements) return
        const actual = numbersOf(results.r)
        expect(actual.length).toBe(elements.length)
        for (const [i, x] of elements.entries()) expect(actual[i], `element ${i} of ${actual}`).toBeCloseTo(x, 12)
      })

    it('has cases that it refuses', () => expect(illegal.length).toBeGreaterThan(0))

    for (const [use, problem] of illegal)
      it(`refuses ${use}`, () => {
        try {
          readUse(use)
        } catch (error) {
          if (!isSilaneError(error)) throw error
          expect(error.code).toBe('E_TYPE')
          expect(error.what).toBe(`${kind}: ${problem}.`)
          return
        }
        throw new Error('it was accepted')
      })
  })
}

describe('the interpreter', () => {
  it('writes states, and shows them as the run leaves them', () => {
    const graph = parseGraph(`
      graph main(%x: fp32[2])
        state %s: fp32[2]
        %old = read_state(input=%s)
        %sum = add(x=%old, y=%x)
        write_state(input=%s, data=%sum)
        %new = read_state(input=%s)
        %y = mul(x=%new, y=%new)
        return y=%y, old=%old`)
    verifyGraph(graph)
    const x = denseConstant('fp32', [2], Float32Array.of(1, 2))
    const first = interpret(graph, { x })
    expect(numbersOf(first.y)).toEqual([1, 4])
    expect(numbersOf(first.old)).toEqual([0, 0])
    const second = interpret(graph, { x, s: first.s! })
    expect(numbersOf(second.s)).toEqual([2, 4])
  })
  it('computes in double precision, or as the types say', () => {
    const graph = parseGraph(`
      graph main(%x: fp16[1], %z: fp32[1])
        %y = mul(x=%x, y=%x)
        %w = add(x=%z, y=%z)
        return y=%y, w=%w`)
    const inputs = { x: denseConstant('fp16', [1], Float16Array.of(300)), z: denseConstant('fp64', [1], Float64Array.of(0.1)) }
    const exact = interpret(graph, inputs)
    expect([exact.y?.dtype, numbersOf(exact.y), numbersOf(exact.w)]).toEqual(['fp64', [90000], [0.2]])
    const declared = interpret(graph, inputs, { precision: 'declared' })
    expect([declared.y?.dtype, numbersOf(declared.y), numbersOf(declared.w)]).toEqual([
      'fp16',
      [Number.POSITIVE_INFINITY],
      [Math.fround(0.2)],
    ])
  })
  it('asks for every input in its shape', () => {
    const graph = parseGraph('graph main(%x: fp32[2])\n %y = relu(x=%x)\n return y=%y')
    expect(() => interpret(graph, {})).toThrowErrorMatchingInlineSnapshot(`[SilaneError: interpret "main": no input "x".]`)
    expect(() => interpret(graph, { x: denseConstant('fp32', [3], new Float32Array(3)) })).toThrowErrorMatchingInlineSnapshot(
      `[SilaneError: interpret "main": "x" is fp32[3], not fp32[2].]`,
    )
  })
})
