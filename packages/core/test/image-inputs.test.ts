import { describe, expect, it } from 'vitest'
import { Builder, type Constant, denseConstant, type Graph, image, interpret, rewriteTo, sizeOf } from '../src/index.ts'
import { tensorOf } from './fake-checkpoint.ts'
import { numbersOf } from './same-values.ts'

const [mean, std] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
]
const steps = [{ rescale: 1 / 255 }, { normalize: { mean, std } }] as const
const port = image(steps, { picture: true })
const shape = [1, 3, 6, 8]

/** Bytes, and what the source graph takes in their place. */
const bytes = Array.from({ length: sizeOf(shape) }, (_, at) => (at * 37 + 11) % 256)
const { scale, bias } = port.image!
const normalized = bytes.map((pixel, at) => pixel * scale[Math.floor(at / 48)]! + bias[Math.floor(at / 48)]!)
const tensor = (values: readonly number[]): Constant => denseConstant('fp32', shape, Float32Array.from(values))

const convolution = (pad: readonly number[], groups = 1): Graph => {
  const b = new Builder('main')
  const x = b.input('pixel_values', 'fp32', shape, port)
  const weight = b.constant(tensorOf('weight', [6, 3 / groups, 2, 2]))
  const common = { strides: [2, 2], pad_type: 'custom', dilations: [1, 1], groups } as const
  return b.finish({ y: b.conv({ x, weight, bias: b.constant(tensorOf('bias', [6])), pad, ...common }) })
}

const lowered = (graph: Graph, precision: 'fp32' | 'fp16' = 'fp32') => rewriteTo(graph, { name: 'coreml', precision, opset: 8 }).graph
const kinds = (graph: Graph): readonly string[] => graph.ops.map(({ kind }) => kind).filter(kind => kind !== 'const')

function expectEqual(graph: Graph): void {
  const expected = numbersOf(interpret(graph, { pixel_values: tensor(normalized) }).y!)
  const actual = numbersOf(interpret(lowered(graph), { pixel_values: tensor(bytes) }).y!)
  const peak = Math.max(...expected.map(Math.abs))
  expect(Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)))).toBeLessThan(2e-6 * peak)
}

describe('a picture as an input', () => {
  it('is shifted, and its factors go into the weights that read it', () => {
    for (const pad of [
      [0, 0, 0, 0],
      [1, 1, 1, 1],
    ]) {
      const graph = convolution(pad)
      expect(kinds(lowered(graph))).toEqual(['add', 'conv'])
      expectEqual(graph)
    }
  })
  it('is scaled in an op of its own where no such weights read it', () => {
    expect(kinds(lowered(convolution([0, 0, 0, 0], 3)))).toEqual(['add', 'mul', 'conv'])
    expectEqual(convolution([0, 0, 0, 0], 3))
    const b = new Builder('main')
    const graph = b.finish({ y: b.relu({ x: b.input('pixel_values', 'fp32', shape, port) }) })
    expect(kinds(lowered(graph))).toEqual(['add', 'mul', 'relu'])
    expectEqual(graph)
  })
  it('comes in fp32 and is shifted in fp32', () => {
    const graph = lowered(convolution([0, 0, 0, 0]), 'fp16')
    expect(graph.inputs[0]!.type.dtype).toBe('fp32')
    expect(graph.ops.filter(({ kind }) => kind === 'add')[0]).toMatchObject({ exact: true, outputs: [{ type: { dtype: 'fp32' } }] })
  })
  it('is neither shifted nor scaled where nothing says so, and ONNX takes the source graph’s pixels', () => {
    const b = new Builder('main')
    const plain = b.finish({ y: b.relu({ x: b.input('pixel_values', 'fp32', shape, image([], { picture: true })) }) })
    expect(kinds(lowered(plain))).toEqual(['relu'])
    expect(kinds(rewriteTo(convolution([0, 0, 0, 0]), { name: 'onnx', precision: 'fp32', opset: 8 }).graph)).toEqual(['conv'])
  })
})
