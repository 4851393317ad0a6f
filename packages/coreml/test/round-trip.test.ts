import { readFileSync } from 'node:fs'
import { Builder, bytesOf, computedConstant, constantOf, graphDifference, readAll, verifyProgram } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { checkPackage, readPackage } from '../src/index.ts'
import { normalized, write } from './package-files.ts'
import { samples } from './samples.ts'

describe.each(samples())('$name', ({ graph, since }) => {
  // The opsets differ in the parameters that are written.
  test.each([6, 7, 8, 9].filter(opset => opset >= since))('comes back from CoreML%i as it was', async opset => {
    const program = { name: 'model', functions: [graph] }
    const path = await write(program, opset)
    expect(await checkPackage(path)).toEqual([])
    const read = await readPackage(path)
    verifyProgram(read)
    expect(normalized(read)).toBe(normalized(program))
    expect(graphDifference(graph, read.functions[0]!)).toBeUndefined()
    const constants = read.functions[0]!.ops.flatMap(op => constantOf(op.outputs[0]) ?? [])
    const originals = graph.ops.flatMap(op => constantOf(op.outputs[0]) ?? [])
    expect(constants.map(readAll)).toEqual(originals.map(readAll))
  })
})

test('a package for iOS 15 passes fp32 and leaves out what came later', async () => {
  const b = new Builder('main')
  const x = b.input('x', 'fp32', [4, 3])
  const y = b.gather({ x, indices: b.input('i', 'int32', [2]) })
  const program = { name: 'model', functions: [b.finish({ y: y })] }
  const path = await write(program, 5)
  expect(await checkPackage(path)).toEqual([])
  expect((await readPackage(path)).functions[0]!.ops[0]!.attributes).toEqual({ axis: 0, batch_dims: 0, validate_indices: false })
})

test('large constants say where their bytes stand in the package', async () => {
  const b = new Builder('main')
  const weight = computedConstant('fp16', [5, 7], 'w', Math.sin)
  const program = { name: 'model', functions: [b.finish({ y: b.linear({ x: b.input('x', 'fp16', [2, 7]), weight: b.constant(weight) }) })] }
  const read = await readPackage(await write(program, 8))
  const [found] = read.functions[0]!.ops.flatMap(op => constantOf(op.outputs[0]) ?? [])
  const { file, offset } = found!.at!
  const bytes = readFileSync(file).subarray(offset, offset + 70)
  expect(bytes.equals(bytesOf(readAll(weight)))).toBe(true)
})
