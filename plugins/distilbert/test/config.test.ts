import type { Json } from '@silane/core'
import { expect, test } from 'vitest'
import { readDistilBertConfig } from '../src/config.ts'

const read = (config: Readonly<Record<string, Json>>) => readDistilBertConfig({ config, location: './model' })

// As `DistilBertConfig` of transformers 4.57.6 and 5.24.0, in whatever order the keys stand.
test('BERT’s names for sizes count, and before its own', () => {
  const expected = { dim: 32, n_heads: 4, n_layers: 3 }
  expect(read({ hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 3 })).toMatchObject(expected)
  expect(read({ ...expected, dim: 16, hidden_size: 32, num_attention_heads: 4, n_heads: 2 })).toMatchObject(expected)
  expect(read({ dim: 32, n_heads: 4, n_layers: 3 })).toMatchObject(expected)
})
