import { expect, test } from 'vitest'
import { readRobertaConfig } from '../src/config.ts'

test.each([
  ['camembert', 30522],
  ['roberta', 50265],
  ['constructor', 50265],
])('without a vocabulary, a model type %s has one of %i words', (model_type, vocab_size) => {
  expect(readRobertaConfig({ config: { model_type }, location: './model' })).toMatchObject({ vocab_size })
})
