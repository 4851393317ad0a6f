import type { ConfigSource, Json } from '@silane/core'
import { expect, test } from 'vitest'
import { readT5Config } from '../src/model.ts'

type Keys = Readonly<Record<string, Json>>

/** What is read of a config.json, at the top and as a section of another model's. */
function read(config: Keys): readonly ReturnType<typeof readT5Config>[] {
  const at = (whole: Keys): ConfigSource => ({ config: whole, location: './model' })
  return [readT5Config(at(config)), readT5Config(at({ inner: config }), 'inner')]
}

// What `T5Config` of transformers 4.57.6 and 5.24.0 has, in whatever order the keys stand.
test.each<[Keys, Keys]>([
  [
    { hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 3, head_dim: 8 },
    { d_model: 32, num_heads: 4, num_layers: 3, num_decoder_layers: 6, d_kv: 8 },
  ],
  [
    { d_model: 16, hidden_size: 32, num_heads: 2, num_attention_heads: 4, num_layers: 2, num_hidden_layers: 3, head_dim: 8, d_kv: 16 },
    { d_model: 32, num_heads: 4, num_layers: 3, num_decoder_layers: 2, d_kv: 8 },
  ],
  [
    { num_decoder_layers: 5, num_hidden_layers: 3 },
    { num_layers: 3, num_decoder_layers: 5 },
  ],
  [{ num_layers: 4 }, { num_layers: 4, num_decoder_layers: 4 }],
  [{}, { d_model: 512, num_heads: 8, num_layers: 6, num_decoder_layers: 6, d_kv: 64 }],
])('%j', (config, expected) => {
  const [top, section] = read(config)
  expect(top).toMatchObject(expected)
  expect(section).toEqual(top)
})

test('two stacks of one set of weights are refused', () => {
  expect(() => read({ tie_encoder_decoder: true })).toThrow('tie_encoder_decoder')
})
