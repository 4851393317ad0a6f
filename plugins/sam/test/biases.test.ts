import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import { expect, test } from 'vitest'
import sam from '../src/index.ts'

const options = { points: 2, boxes: false, masks: false, 'image-input': false }

test.each([
  'vision_encoder.patch_embed.projection.bias',
  'vision_encoder.layers.0.attn.qkv.bias',
  'vision_encoder.layers.1.layer_norm1.bias',
  'mask_decoder.transformer.layers.0.mlp.lin1.bias',
  'mask_decoder.upscale_conv1.bias',
])('a file that lacks %s is incomplete', async name => {
  const base = await openCheckpoint(fileURLToPath(new URL('../fixtures/points', import.meta.url)))
  const checkpoint = { ...base, tensor: (asked: string) => (asked === name ? undefined : base.tensor(asked)) }
  try {
    await expect(async () => sam.load({ checkpoint, architecture: 'SamModel', task: 'mask-generation', options })).rejects.toMatchObject({
      code: 'E_TENSOR_MISSING',
    })
  } finally {
    base.close()
  }
})
