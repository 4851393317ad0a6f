import { ops } from '@silane/core'
import { expect, it } from 'vitest'
import { spellings } from '../src/index.ts'

/** Kept by the writer: they are no nodes. */
const kept = ['const', 'read_state', 'write_state']

it('spells every op of the op level, and no other', () => {
  const level = Object.entries(ops).filter(([kind, { level }]) => level === 'mil' && !kept.includes(kind))
  expect(Object.keys(spellings).toSorted()).toEqual(level.map(([kind]) => kind).toSorted())
})
