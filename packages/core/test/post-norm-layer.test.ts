import { expect, test } from 'vitest'
import { Builder, selfAttention, Weights } from '../src/index.ts'
import { fakeCheckpoint } from './fake-checkpoint.ts'

const names = {
  query: 'q',
  key: 'k',
  value: 'v',
  attentionOutput: 'o',
  attentionNorm: 'n',
  intermediate: 'i',
  output: 'u',
  outputNorm: 'm',
}
const layer = { hidden: 8, headSize: 2, intermediate: 8, activation: 'gelu', epsilon: 1e-12, positions: 'absolute', maxPositions: 4, names }

test.each([0, -1])('a layer that has %d heads left is refused by name', heads => {
  const b = new Builder('main')
  const x = b.input('x', 'fp32', [1, 4, 8])
  const w = new Weights(fakeCheckpoint({ tensors: {} })).at('layer').at(3)
  expect(() => selfAttention(b, x, {}, w, { ...layer, heads })).toThrow(
    expect.objectContaining({
      code: 'E_UNSUPPORTED',
      exitCode: 2,
      what: 'Attention without heads is not supported; layer.3 has none left.',
    }),
  )
})
