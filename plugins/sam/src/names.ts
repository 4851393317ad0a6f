import { type Candidates, type Checkpoint, renamed, type TiedNames } from '@silane/core'
import { isOriginal } from './config.ts'

/** Names of transformers, and of facebookresearch/segment-anything. `depth`: layers of the head that predicts the scores. */
export function samNames(checkpoint: Checkpoint, depth: number): Candidates {
  return isOriginal(checkpoint) ? renamed(originalNames(depth)) : name => [name]
}

/** The frequencies: files of old versions hold them once more, under the prompt encoder's name; some kept only that one. */
export const tied: readonly TiedNames[] = [
  ['shared_image_embedding.positional_embedding', 'prompt_encoder.shared_embedding.positional_embedding'],
]

/** A multilayer perceptron counts its layers in the original; transformers names the first and the last. */
const perceptron = (module: string, depth: number): readonly (readonly [string, string])[] => [
  [`${module}.proj_in`, `${module}.layers.0`],
  ...Array.from({ length: depth - 2 }, (_, i) => [`${module}.layers.${i}`, `${module}.layers.${i + 1}`] as const),
  [`${module}.proj_out`, `${module}.layers.${depth - 1}`],
]

const originalNames = (depth: number): readonly (readonly [string, string])[] => [
  ['shared_image_embedding.positional_embedding', 'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix'],
  ['vision_encoder.patch_embed.projection', 'image_encoder.patch_embed.proj'],
  ['vision_encoder.layers.*.layer_norm1', 'image_encoder.blocks.*.norm1'],
  ['vision_encoder.layers.*.layer_norm2', 'image_encoder.blocks.*.norm2'],
  ['vision_encoder.layers', 'image_encoder.blocks'],
  ['vision_encoder.neck.conv1', 'image_encoder.neck.0'],
  ['vision_encoder.neck.layer_norm1', 'image_encoder.neck.1'],
  ['vision_encoder.neck.conv2', 'image_encoder.neck.2'],
  ['vision_encoder.neck.layer_norm2', 'image_encoder.neck.3'],
  ['vision_encoder', 'image_encoder'],
  ['prompt_encoder.mask_embed.conv1', 'prompt_encoder.mask_downscaling.0'],
  ['prompt_encoder.mask_embed.layer_norm1', 'prompt_encoder.mask_downscaling.1'],
  ['prompt_encoder.mask_embed.conv2', 'prompt_encoder.mask_downscaling.3'],
  ['prompt_encoder.mask_embed.layer_norm2', 'prompt_encoder.mask_downscaling.4'],
  ['prompt_encoder.mask_embed.conv3', 'prompt_encoder.mask_downscaling.6'],
  ['prompt_encoder.point_embed', 'prompt_encoder.point_embeddings'],
  ...[1, 2, 3, 4].map(i => [`mask_decoder.transformer.layers.*.layer_norm${i}`, `mask_decoder.transformer.layers.*.norm${i}`] as const),
  ['mask_decoder.transformer.layer_norm_final_attn', 'mask_decoder.transformer.norm_final_attn'],
  ['mask_decoder.upscale_conv1', 'mask_decoder.output_upscaling.0'],
  ['mask_decoder.upscale_layer_norm', 'mask_decoder.output_upscaling.1'],
  ['mask_decoder.upscale_conv2', 'mask_decoder.output_upscaling.3'],
  ...perceptron('mask_decoder.iou_prediction_head', depth),
  // `*` would stand for the number of the network and its layer both: of these there are always three layers.
  ...perceptron('mask_decoder.output_hypernetworks_mlps.*', 3),
]
