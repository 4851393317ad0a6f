import { Builder } from '@silane/core'
import { expect, test } from 'vitest'
import { readModel, write } from './package-files.ts'

test('inputs and outputs say in the package what they are for', async () => {
  const b = new Builder('main')
  const ids = b.input('ids', 'int32', [1, 4], { role: 'ids', below: 10 })
  const labels = b.input('labels', 'int32', [1, 4], { role: 'labels', values: [-1, 0, 1], absent: -1 })
  const pixels = b.input('pixels', 'fp16', [1, 3, 4, 4], { role: 'image', image: { color: 'bgr', scale: [1, 2, 3], bias: [0, 0, 0] } })
  const cross = b.input('cross', 'fp16', [2, 4], { role: 'cross', layers: [2, 4] })
  const plain = b.input('plain', 'fp16', [2, 4])
  const sum = b.add({ x: cross, y: plain })
  const graph = b.finish({
    total: { value: b.add({ x: ids, y: labels }), rows: 'ids' },
    twice: b.add({ x: pixels, y: pixels }),
    sum: { value: sum, role: 'scores', updates: 'cross' },
  })
  const { description } = readModel(await write({ name: 'model', functions: [graph] }))
  expect(
    Object.fromEntries([...description!.input, ...description!.output].map(({ name, shortDescription }) => [name, shortDescription])),
  ).toMatchInlineSnapshot(`
      {
        "cross": "Keys or values of another program's tokens, by layers. Layers 2 to 3.",
        "ids": "Token ids. Below 10.",
        "labels": "What each point is. One of -1, 0, 1. -1: the place is not taken.",
        "pixels": "Pixels, normalised. Blue, green, red, pixel · [1, 2, 3] + [0, 0, 0].",
        "plain": "",
        "sum": "How good each mask is. To be put into cross at the places of the new tokens.",
        "total": "Rows count where ids is 1.",
        "twice": "",
      }
    `)
})
