import { arrayConstant, type Constant, readAll } from '@silane/core'
import { expect, test } from 'vitest'
import type { PipelinePrograms } from '../src/pipeline/pipeline-programs.ts'
import { placeRows } from '../src/pipeline/place-rows.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'

const ids = (...values: number[]): Constant => arrayConstant('int32', [1, values.length], Int32Array.from(values))
const vectors = (...rows: (readonly [number, number])[]): Constant =>
  arrayConstant('fp32', [1, rows.length, 2], Float32Array.from(rows.flat()))
const numbers = (tensor: Constant | undefined): number[] => (tensor ? Array.from(readAll(tensor), Number) : [])

const words = vectors([1, 1], [2, 2], [3, 3], [4, 4])
const rows = vectors([10, 11], [20, 21])

test('rows stand in the places of an id, in order', () => {
  expect(numbers(placeRows(ids(9, 5, 9, 6), words, { id: 9, rows, from: 0 }))).toEqual([10, 11, 2, 2, 20, 21, 4, 4])
  expect(numbers(placeRows(ids(5, 5, 9, 6), words, { id: 9, rows, from: 1 }))).toEqual([1, 1, 2, 2, 20, 21, 4, 4])
  expect(numbers(words)).toEqual([1, 1, 2, 2, 3, 3, 4, 4])
})

test('more places than rows, and rows of another width, are refused', () => {
  const wide = arrayConstant('fp32', [1, 1, 3], new Float32Array(3))
  const place = (given: Constant, from: number) => () => placeRows(ids(9, 5, 9, 9), words, { id: 9, rows: given, from })
  expect(place(rows, 0)).toThrow(expect.objectContaining({ code: 'E_PIPELINE' }))
  expect(place(wide, 0)).toThrow('rows of 3 cannot stand among vectors of 2')
})

const none: PipelinePrograms = { functions: () => [], release: async () => {} }

test('a step puts them among the vectors of a text', async () => {
  const step = { place: 9, feeds: { ids: 'text', vectors: 'words', rows: 'picture' }, gives: { mixed: 'vectors' } }
  const given = { text: ids(9, 9, 5, 6), words, picture: rows }
  const { mixed } = await runPipeline([step], none, given, async () => ({}))
  expect(numbers(mixed)).toEqual([10, 11, 20, 21, 3, 3, 4, 4])
  await expect(runPipeline([step], none, { text: given.text, words }, async () => ({}))).rejects.toMatchObject({
    code: 'E_PIPELINE',
    message: expect.stringContaining('there is no "picture"'),
  })
})
