import { Builder, denseConstant, rewriteTo } from '@silane/core'
import { expect, test } from 'vitest'
import { analyzeGraph } from '../src/analyze-graph.ts'

test('counts what tells how well a graph fits the Neural Engine', () => {
  const b = new Builder('main')
  const x = b.input('x', 'fp32', [1, 4, 1, 8])
  const weight = b.constant(denseConstant('fp32', [6, 4, 1, 1], new Float32Array(24)))
  const inside = b.in('encoder.layer.0.attention', () => b.conv({ x, weight, strides: [1, 1], pad: [0, 0, 0, 0], dilations: [1, 1] }))
  const moved = b.in('encoder.layer.0.output', () => b.transpose({ x: inside, perm: [0, 3, 2, 1] }))
  const soft = b.in('encoder.layer.1.output', () => b.softmax({ x: moved, axis: -1 }))
  const wide = b.reshape({ x: b.tile({ x: soft, reps: [1, 1, 1, 4000] }), shape: [8, 24000] })
  const analysis = analyzeGraph(b.finish({ y: wide }))
  expect(analysis).toMatchInlineSnapshot(`
    {
      "constantBytes": 96,
      "constants": 1,
      "convs": 1,
      "dtypes": {
        "fp32": 5,
      },
      "exact": 0,
      "gathers": 0,
      "histogram": {
        "conv": 1,
        "reshape": 1,
        "softmax": 1,
        "tile": 1,
        "transpose": 1,
      },
      "largest": {
        "bytes": 768000,
        "value": "tile: fp32[1, 8, 1, 24000]",
      },
      "layers": [
        {
          "bytes": 96,
          "layer": "encoder.layer.0",
          "macs": 192,
          "ops": 2,
          "reshapes": 0,
          "transposes": 1,
        },
        {
          "bytes": 0,
          "layer": "encoder.layer.1",
          "macs": 0,
          "ops": 1,
          "reshapes": 0,
          "transposes": 0,
        },
      ],
      "macs": 192,
      "maxRank": 4,
      "ops": 5,
      "overCap": {
        "border": [
          "reshape: fp32[8, 24000]",
        ],
        "inside": [
          "tile: fp32[1, 8, 1, 24000]",
        ],
      },
      "reshapes": 1,
      "softmaxAxes": {
        "axis 3 of 4": 1,
      },
      "transposes": 1,
    }
  `)
})

test('counts the ops that stay in fp32 where the others do not', () => {
  const graph = (precision: 'fp16' | 'fp32') => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, 4])
    const shown = b.relu({ x })
    const y = b.exp({ x: b.exact(() => b.mul({ x: shown, y: x })) })
    return rewriteTo(b.finish({ y }), { name: 'coreml', precision, opset: 8 }).graph
  }
  expect(analyzeGraph(graph('fp16')).exact).toBe(1)
  expect(analyzeGraph(graph('fp32')).exact).toBe(0)
})
