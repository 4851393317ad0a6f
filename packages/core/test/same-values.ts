import { expect } from 'vitest'
import {
  allocate,
  type Constant,
  denseConstant,
  type Graph,
  interpret,
  isFloat,
  readAll,
  sizeOf,
  type Tensors,
  type TensorType,
} from '../src/index.ts'
import { seeded, seedOf } from './random.ts'

/** Elements for a type: floats between −1 and 1, integers 0 and 1, which are good as ids and as masks alike; the first is 1. */
function sample({ dtype, shape }: TensorType, seed: number): Constant {
  const next = seeded(seed)
  const data = allocate(dtype, sizeOf(shape))
  for (let i = 0; i < data.length; i++) {
    const x = next()
    data[i] = isFloat(dtype) ? x * 2 - 1 : i === 0 || x < 0.6 ? 1 : 0
  }
  return denseConstant(dtype, shape, data)
}

/** Inputs and states for a graph. */
export const sampleInputs = (graph: Graph, seed = 1): Tensors =>
  Object.fromEntries([...graph.inputs, ...graph.states].map(value => [value.name, sample(value.type, seedOf(value.name) + seed)]))

/** The elements of a result as plain numbers. */
export const numbersOf = (constant: Constant | undefined): number[] => Array.from(readAll(constant as Constant) as Float64Array, Number)

/** Expects two graphs to compute the same from the same inputs, within `tolerance` of the largest magnitude: folded constants are rounded to fp32. */
export function expectSameValues(actual: Graph, expected: Graph, { tolerance = 2e-7, inputs = sampleInputs(expected) } = {}): void {
  const given = interpret(actual, inputs)
  const wanted = interpret(expected, inputs)
  expect(Object.keys(given)).toEqual(Object.keys(wanted))
  for (const name of Object.keys(wanted)) {
    expect(given[name]?.shape, name).toEqual(wanted[name]?.shape)
    const [a, b] = [numbersOf(given[name]), numbersOf(wanted[name])]
    const peak = Math.max(...b.map(Math.abs), Number.MIN_VALUE)
    const worst = Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number))))
    expect(worst / peak, `${name}: largest difference, relative to the peak`).toBeLessThanOrEqual(tolerance)
  }
}
