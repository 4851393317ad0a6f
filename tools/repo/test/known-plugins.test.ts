import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { knownPlugins } from '../../../packages/silane/src/plugins/known-plugins.ts'
import { renderKnownPlugins, table } from '../known-plugins.ts'

it('the table of our plugins is what they claim', () => expect(readFileSync(table, 'utf8')).toBe(renderKnownPlugins()))

it('a model type that two plugins claim is of the one that is called so', () => {
  expect(knownPlugins.bert).toBe('@silane/plugin-bert')
  expect(knownPlugins.roberta).toBe('@silane/plugin-roberta')
})
