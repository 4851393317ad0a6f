import { type Constant, castArray, interpret, readAll, rewriteGraph } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { plainExpansions } from '../../core/src/lower/plain.ts'
import { opCases } from '../../core/test/op-cases.ts'
import { readUse, tensorsOf } from '../../core/test/read-use.ts'
import { engineNames } from '../src/engine.ts'
import { createRuntime } from '../src/index.ts'

const numbers = (constant: Constant | undefined): number[] =>
  Array.from(castArray(readAll(constant!), constant!.dtype, 'fp64') as Float64Array<ArrayBuffer>)

// The interpreter defines what an op means; onnxruntime, by way of the ONNX spelling, must agree.
describe.each(engineNames)('%s', engine => {
  const runtime = createRuntime({ engine })
  for (const [kind, { legal }] of Object.entries(opCases)) {
    describe(kind, () => {
      for (const [use] of legal)
        it(use, async () => {
          const { graph: source, given } = readUse(use)
          const inputs = tensorsOf(source, given)
          const wanted = interpret(source, inputs)
          const { graph } = rewriteGraph(source, plainExpansions)
          const session = await runtime.open(graph)
          try {
            const results = await session.run(inputs)
            const pairs = [...graph.outputs.map(({ name }) => [name, name]), ...graph.states.map(({ name }) => [`${name}_out`, name])]
            for (const [actual, expected] of pairs as [string, string][]) {
              const [a, b] = [numbers(results[actual]), numbers(wanted[expected])]
              expect(a.length).toBe(b.length)
              for (const [i, x] of b.entries()) expect(a[i], `${expected}[${i}]: ${a} for ${b}`).toBeCloseTo(x, 4)
            }
          } finally {
            await session.close()
          }
        })
    })
  }
})
