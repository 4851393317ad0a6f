import { arrayConstant, readAll, type Tensors } from '@silane/core'
import { expect, it } from 'vitest'
import type { DeployedTensor } from '../src/manifest.ts'
import type { PipelineFunction } from '../src/pipeline/pipeline-programs.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'
import { scoreTokens } from '../src/validate/score-tokens.ts'

const SLOTS = 4

const input = (name: string, shape: readonly number[], role: NonNullable<DeployedTensor['role']>): DeployedTensor => ({
  name,
  dtype: role === 'ids' || role === 'positions' ? 'int32' : 'float32',
  shape: [...shape],
  role,
})
const floats = (shape: readonly number[], values: readonly number[]) => arrayConstant('fp32', shape, Float32Array.from(values))
const numbers = (tensor: Tensors[string] | undefined) => (tensor ? Array.from(readAll(tensor), Number) : [])

/** An id becomes ten times itself; the score is the vector, plus the sum of those before it, which the cache holds. */
function programs(calls: string[]) {
  const lookUp = (width: number): PipelineFunction => ({
    name: `by${width}`,
    inputs: [input('token', [1, width], 'ids')],
    outputs: [{ name: 'vector', dtype: 'float32', shape: [1, width, 1] }],
    states: [],
    run: async ({ token }) => {
      calls.push(`table ${width}`)
      return {
        vector: floats(
          [1, width, 1],
          numbers(token).map(id => id * 10),
        ),
      }
    },
  })
  const decode = (width: number): PipelineFunction => ({
    name: `by${width}`,
    inputs: [input('vector', [1, width, 1], 'vectors'), input('at', [1, width], 'positions'), input('past', [1, 1, 1, SLOTS], 'cache')],
    outputs: [
      { name: 'score', dtype: 'float32', shape: [1, width, 1] },
      { name: 'fresh', dtype: 'float32', shape: [1, 1, 1, width], updates: 'past' },
    ],
    states: [],
    run: async ({ vector, at, past }) => {
      const [first = 0] = numbers(at)
      const before = numbers(past).slice(0, first)
      const fresh = numbers(vector)
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
      const score = fresh.map((_, i) => sum([...before, ...fresh.slice(0, i + 1)]))
      return { score: floats([1, width, 1], score), fresh: floats([1, 1, 1, width], fresh) }
    },
  })
  const all: Readonly<Record<string, readonly PipelineFunction[]>> = { table: [2, 1].map(lookUp), loop: [2, 1].map(decode) }
  return { functions: (name: string) => all[name] ?? [], release: async () => {} }
}

const steps = [{ decode: ['loop'], entry: { embed: 'table' }, feeds: {} }]

it('decodes what the ids input of the program before the decoder is called', async () => {
  const calls: string[] = []
  const given = { token: arrayConstant('int32', [1, 3], Int32Array.of(1, 2, 3)) }
  const { score } = await runPipeline(steps, programs(calls), given, scoreTokens)
  expect(numbers(score)).toEqual([10, 30, 60])
  expect(calls).toEqual(['table 2', 'table 1'])
})

it('decodes vectors in place of ids without the program that makes them', async () => {
  const calls: string[] = []
  const { score } = await runPipeline(steps, programs(calls), { vector: floats([1, 3, 1], [1, 2, 3]) }, scoreTokens)
  expect(numbers(score)).toEqual([1, 3, 6])
  expect(calls).toEqual([])
})

it('says what it could have decoded', async () => {
  await expect(runPipeline(steps, programs([]), {}, scoreTokens)).rejects.toThrow('there is no "token" or "vector" to decode')
})

it('decodes rows of a thing in the places of an id, from call to call', async () => {
  const placing = [{ decode: ['loop'], entry: { embed: 'table', place: { id: 7, rows: 'picture' } }, feeds: {} }]
  const token = arrayConstant('int32', [1, 3], Int32Array.of(7, 2, 7))
  const picture = floats([1, 2, 1], [100, 200])
  const { score } = await runPipeline(placing, programs([]), { token, picture }, scoreTokens)
  expect(numbers(score)).toEqual([100, 120, 320])
  await expect(runPipeline(placing, programs([]), { token }, scoreTokens)).rejects.toThrow('there is no "picture" for the places of 7')
  const words = arrayConstant('int32', [1, 2], Int32Array.of(1, 2))
  expect(numbers((await runPipeline(placing, programs([]), { token: words }, scoreTokens)).score)).toEqual([10, 30])
})
