import { expect, it } from 'vitest'
import { arrayConstant, Builder, interpret, positionsPastPadding, readAll, rewriteTo } from '../src/index.ts'

// 2047 + 1 is the last count that is computed in fp16, 2048 + 1 the first in integers.
it.each([2047, 2048])('positions past padding are exact in fp16 for %i tokens', length => {
  const b = new Builder('main')
  const source = b.finish({ positions: positionsPastPadding(b, b.input('ids', 'int32', [1, length]), 1) })
  const { graph } = rewriteTo(source, { name: 'coreml', precision: 'fp16', opset: 8 })
  const ids = Int32Array.from({ length }, (_, i) => (i === 3 ? 1 : 5))
  const { positions } = interpret(graph, { ids: arrayConstant('int32', [1, length], ids) }, { precision: 'declared' })
  const expected = Array.from({ length }, (_, i) => (i === 3 ? 1 : i < 3 ? i + 2 : i + 1))
  expect(Array.from(readAll(positions!), Number)).toEqual(expected)
})
