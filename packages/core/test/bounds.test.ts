import { expect, test } from 'vitest'
import { Builder, nearest, SilaneError } from '../src/index.ts'

test('a sentence of an error ends somewhere', () => {
  const error = new SilaneError('E_X', { what: 'x'.repeat(1_000_000), where: 'y'.repeat(5000), next: 'z' })
  expect(error.what).toBe(`${'x'.repeat(4000)}… (1000000 characters)`)
  expect(error.message.length).toBeLessThan(9000)
})

test('closest names: of very many those with the same last part, and of very long ones the beginning', () => {
  const many = Array.from({ length: 140_000 }, (_, i) => `layer.${i}.bias`)
  expect(nearest('encoder.layer.7.weight', [...many, 'encoder.layer.71.weight', 'embeddings.weight'])).toEqual([
    'encoder.layer.71.weight',
    'embeddings.weight',
  ])
  const [long] = nearest('a', ['b'.repeat(1_000_000)])
  expect(long).toBe(`${'b'.repeat(160)}…`)
})

test('a graph has no more ops than any model', { timeout: 30_000 }, () => {
  const b = new Builder('main')
  let x = b.input('x', 'fp32', [1])
  const grow = () => {
    for (;;) x = b.add({ x, y: x })
  }
  expect(grow).toThrow(expect.objectContaining({ code: 'E_UNSUPPORTED', exitCode: 2 }))
  expect(b.finish({ y: x }).ops.length).toBeGreaterThan(130_000)
})
