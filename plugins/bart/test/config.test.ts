import type { ConfigSource, Json } from '@silane/core'
import { expect, test } from 'vitest'
import { readBartConfig } from '../src/model.ts'

type Keys = Readonly<Record<string, Json>>

/** What is read of a config.json, at the top and as a section of another model's. */
function read(config: Keys): readonly ReturnType<typeof readBartConfig>[] {
  const at = (whole: Keys): ConfigSource => ({ config: whole, location: './model' })
  return [readBartConfig(at(config)), readBartConfig(at({ inner: config }), 'inner')]
}

// What `BartConfig` of transformers 4.57.6 and 5.24.0 has, in whatever order the keys stand.
test.each<[Keys, Keys]>([
  [
    { hidden_size: 32, num_attention_heads: 4 },
    { d_model: 32, encoder_attention_heads: 4, decoder_attention_heads: 16 },
  ],
  [
    { d_model: 16, hidden_size: 32, encoder_attention_heads: 2, num_attention_heads: 4 },
    { d_model: 32, encoder_attention_heads: 4, decoder_attention_heads: 16 },
  ],
  // Version 5 alone; version 4 writes the key and reads it for nothing.
  [{ num_hidden_layers: 3 }, { encoder_layers: 3, decoder_layers: 12 }],
  [
    { num_hidden_layers: 3, encoder_layers: 3 },
    { encoder_layers: 3, decoder_layers: 12 },
  ],
])('%j', (config, expected) => {
  const [top, section] = read(config)
  expect(top).toMatchObject(expected)
  expect(section).toEqual(top)
})

test('layers that versions of transformers read differently are refused', () => {
  expect(() => read({ num_hidden_layers: 3, encoder_layers: 2 })).toThrow('num_hidden_layers')
})
