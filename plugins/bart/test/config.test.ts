import { openCheckpoint } from '@silane/checkpoint'
import type { ConfigSource, Json, PluginContract } from '@silane/core'
import { loadRequest } from 'silane'
import { expect, test } from 'vitest'
import bart from '../src/index.ts'
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

test('two stacks of one set of weights are refused', () => {
  expect(() => read({ tie_encoder_decoder: true })).toThrow('tie_encoder_decoder')
})

test.each([-100, -1, 1000])('a classifier whose decoder begins with %d, which is no token, is refused', async start => {
  const plugin: PluginContract = bart
  const checkpoint = await openCheckpoint(new URL('../fixtures/text-classification', import.meta.url).pathname)
  try {
    const config = { ...checkpoint.config, decoder_start_token_id: start }
    await expect(async () => plugin.load(loadRequest({ ...checkpoint, config }, plugin, { seq: [8] }))).rejects.toMatchObject({
      code: 'E_CONFIG',
      what: expect.stringContaining('decoder_start_token_id'),
    })
  } finally {
    checkpoint.close()
  }
})
