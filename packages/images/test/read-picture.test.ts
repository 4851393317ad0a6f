import { expect, test } from 'vitest'
import { readPicture } from '../src/index.ts'
import { bytesOf, cases, fixture, sha256 } from './goldens.ts'

test.each(Object.entries(cases.decoded))('%s is read as Pillow reads it', async (name, golden) => {
  const { width, height, data } = await readPicture(fixture(name))
  expect([height, width, 3]).toEqual(golden.shape)
  if (golden.tensor) expect(data).toEqual(bytesOf(golden))
  expect(sha256(data)).toBe(golden.sha256)
})
