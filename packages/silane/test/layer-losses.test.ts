import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { convert } from '../src/index.ts'
import type { FunctionReport } from '../src/report/function-reports.ts'
import { temporary } from './workspace.ts'

const plugin = (path: string): string => fileURLToPath(new URL(`../../../plugins/${path}`, import.meta.url))

type Lowered = Extract<FunctionReport, { readonly target: 'coreml' }>

const lowered = async (model: string, options: object): Promise<readonly Lowered[]> => {
  const { report, comparisons } = await convert({ model: plugin(model), out: join(temporary(), 'out'), ...options })
  expect(comparisons.filter(({ output }) => output.includes('layer'))).toEqual([])
  return report.functions.filter(found => found.target === 'coreml')
}

describe('where in the layers half precision loses', () => {
  test('stands behind each layer, in their order', async () => {
    const [found] = await lowered('bert/fixtures/base', { seq: [24] })
    expect(Object.keys(found?.losses ?? {})).toEqual(found?.analysis.layers.map(({ layer }) => layer))
    for (const psnr of Object.values(found?.losses ?? {}))
      expect(psnr).toSatisfy(value => typeof value === 'number' && value > 50 && value < 110)
  })

  test('is told of every function of a decoder, from inputs of its shapes', async () => {
    const found = await lowered('gpt2/fixtures/text-generation', { context: 32, prefill: 8 })
    expect(found.map(({ function: name }) => name)).toEqual(['prefill', 'step'])
    for (const { losses, analysis } of found) expect(Object.keys(losses ?? {})).toEqual(analysis.layers.map(({ layer }) => layer))
  })

  test('is not asked where nothing is rounded, or nothing is run', async () => {
    for (const options of [{ precision: 'fp32' }, { validate: false }]) {
      const [found] = await lowered('bert/fixtures/base', { seq: [24], ...options })
      expect(found?.losses).toBeUndefined()
    }
  })
})

test('layers and what is around them make the whole', async () => {
  const [found] = await lowered('bert/fixtures/base', { seq: [24], validate: false })
  if (!found) throw new Error('nothing was lowered')
  const { analysis, before } = found
  const sum = (of: (row: (typeof analysis.layers)[number]) => number) => analysis.layers.reduce((total, row) => total + of(row), 0)
  // Two layers of 48 wide with 128 between: four square matrices and two others, at 24 places.
  const matrices = 2 * (4 * 48 * 48 + 2 * 48 * 128)
  expect(sum(({ macs }) => macs)).toBeGreaterThanOrEqual(24 * matrices)
  expect(sum(({ macs }) => macs)).toBeLessThan(analysis.macs)
  expect(sum(({ bytes }) => bytes)).toBeGreaterThanOrEqual(2 * matrices)
  expect(sum(({ bytes }) => bytes)).toBeLessThan(analysis.constantBytes)
  expect(before.ops).toBeLessThan(analysis.ops)
  expect(before.convs).toBe(0)
})
