import { Builder, constantOf, readAll, verifyProgram } from '@silane/core'
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
