import { activationNames, type Checkpoint, type ConfigSource, errors, limits, nearest, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)
const epsilon = z.number().nonnegative()
const activation = z.enum(activationNames)

/** The keys of a SAM config.json that its numbers depend on, with transformers' defaults (`configuration_sam.py`), which are those of ViT-B. */
const vision = z
  .object({
    hidden_size: count(limits.width).default(768),
    output_channels: count(limits.width).default(256),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    num_channels: z.literal(3).default(3),
    image_size: count(limits.imageSize).default(1024),
    patch_size: count(limits.patch).default(16),
    hidden_act: activation.default('gelu'),
    layer_norm_eps: epsilon.default(1e-6),
    qkv_bias: z.boolean().default(true),
    mlp_ratio: z.number().positive().default(4),
    /** Counts more than the ratio, which pruned models leave as it was. */
    mlp_dim: count(limits.feedForward).optional(),
    use_abs_pos: z.boolean().default(true),
    use_rel_pos: z.boolean().default(true),
    /** Side of a window in patches; 0: every layer looks at all. */
    window_size: z.int().nonnegative().max(limits.patch).default(14),
    /** The layers that look at all patches. */
    global_attn_indexes: z.array(z.int().nonnegative().max(limits.layers)).max(limits.layers).readonly().default([2, 5, 8, 11]),
    num_pos_feats: count(limits.width).default(128),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, { path: ['num_attention_heads'], message: 'does not divide hidden_size' })
  .refine(c => c.image_size % c.patch_size === 0, { path: ['patch_size'], message: 'does not divide image_size' })
  .transform(({ mlp_ratio, ...c }) => ({ ...c, mlp_dim: c.mlp_dim ?? Math.trunc(c.hidden_size * mlp_ratio) }))

const prompts = z.object({
  hidden_size: count(limits.width).default(256),
  mask_input_channels: count(limits.width).multipleOf(4).default(16),
  num_point_embeddings: z.literal(4).default(4),
  hidden_act: activation.default('gelu'),
  layer_norm_eps: epsilon.default(1e-6),
})

/** How much narrower cross-attention is in every layer, whatever the configuration says of the attention after them. */
const CROSS_DOWNSAMPLE = 2

const masks = z
  .object({
    hidden_size: count(limits.width).multipleOf(8).default(256),
    hidden_act: activation.default('relu'),
    mlp_dim: count(limits.feedForward).default(2048),
    num_hidden_layers: count(limits.layers).default(2),
    num_attention_heads: count(limits.heads).default(8),
    attention_downsample_rate: count(limits.heads).default(2),
    num_multimask_outputs: count(limits.few).default(3),
    iou_head_depth: z.int().min(2).max(limits.layers).default(3),
    iou_head_hidden_dim: count(limits.width).default(256),
    layer_norm_eps: epsilon.default(1e-6),
  })
  .refine(
    c => [1, CROSS_DOWNSAMPLE, c.attention_downsample_rate].every(rate => Math.floor(c.hidden_size / rate) % c.num_attention_heads === 0),
    {
      path: ['num_attention_heads'],
      message: 'does not divide the width of every attention',
    },
  )
  .transform(c => ({ ...c, cross_downsample_rate: CROSS_DOWNSAMPLE }))

export type VisionConfig = z.infer<typeof vision>
export type PromptConfig = z.infer<typeof prompts>
export type MaskDecoderConfig = z.infer<typeof masks>

export interface SamConfig {
  readonly vision_config: VisionConfig
  readonly prompt_encoder_config: PromptConfig
  readonly mask_decoder_config: MaskDecoderConfig
}

/** config.json of a vision encoder alone, typed, defaulted and checked. Throws E_CONFIG. */
export const readVisionConfig = (checkpoint: Checkpoint): VisionConfig => readConfig(checkpoint, vision)

/** config.json, typed, defaulted and checked; of the authors' own files, which have none, what shapes tell. Throws E_CONFIG. */
export function readSamConfig(checkpoint: Checkpoint): SamConfig {
  const source = isOriginal(checkpoint) ? shapesOf(checkpoint) : checkpoint
  const config = {
    vision_config: readConfig(source, vision, 'vision_config'),
    prompt_encoder_config: readConfig(source, prompts, 'prompt_encoder_config'),
    mask_decoder_config: readConfig(source, masks, 'mask_decoder_config'),
  }
  const { vision_config, prompt_encoder_config, mask_decoder_config } = config
  const width = prompt_encoder_config.hidden_size
  const same = (field: string, found: number): void => {
    if (found !== width)
      throw errors.E_CONFIG({ field, problem: `gives ${found} channels where prompts have ${width}`, where: checkpoint.location })
  }
  same('vision_config.output_channels', vision_config.output_channels)
  same('mask_decoder_config.hidden_size', mask_decoder_config.hidden_size)
  same('vision_config.num_pos_feats', 2 * vision_config.num_pos_feats)
  return config
}

/** Whether the names are those of facebookresearch/segment-anything. */
export const isOriginal = ({ tensorNames }: Checkpoint): boolean => tensorNames.some(name => name.startsWith('image_encoder.'))

/**
 * The configuration of the authors' own files (`build_sam.py`): what is not in a shape is the same in all of them. A grid of tokens
 * has tables of 2·grid − 1 relative positions in layers that look at all of it, and of 2·window − 1 in the others.
 */
function shapesOf(checkpoint: Checkpoint): ConfigSource {
  const dim = (tensor: string, axis: number): number => {
    const found = checkpoint.tensor(tensor)?.shape[axis]
    if (found === undefined)
      throw errors.E_TENSOR_MISSING({ tensor, near: nearest(tensor, checkpoint.tensorNames), where: checkpoint.location })
    return found
  }
  /** One more than the largest number that follows the prefix in a name. */
  const count = (prefix: string): number => {
    const rest = checkpoint.tensorNames.flatMap(name => (name.startsWith(prefix) ? [Number.parseInt(name.slice(prefix.length), 10)] : []))
    return 1 + rest.reduce((most, number) => Math.max(most, number), -1)
  }
  const has = (tensor: string): boolean => checkpoint.tensor(tensor) !== undefined
  const layers = count('image_encoder.blocks.')
  const hidden_size = dim('image_encoder.patch_embed.proj.weight', 0)
  const patch_size = dim('image_encoder.patch_embed.proj.weight', 2)
  const sides = Array.from({ length: layers }, (_, layer) => (dim(`image_encoder.blocks.${layer}.attn.rel_pos_h`, 0) + 1) / 2)
  const grid = has('image_encoder.pos_embed') ? dim('image_encoder.pos_embed', 1) : Math.max(...sides)
  const width = dim('mask_decoder.iou_token.weight', 1)
  const config = {
    vision_config: {
      hidden_size,
      output_channels: dim('image_encoder.neck.0.weight', 0),
      num_hidden_layers: layers,
      num_attention_heads: hidden_size / dim('image_encoder.blocks.0.attn.rel_pos_h', 1),
      image_size: grid * patch_size,
      patch_size,
      qkv_bias: has('image_encoder.blocks.0.attn.qkv.bias'),
      mlp_dim: dim('image_encoder.blocks.0.mlp.lin1.weight', 0),
      use_abs_pos: has('image_encoder.pos_embed'),
      window_size: sides.find(side => side !== grid) ?? 0,
      global_attn_indexes: sides.flatMap((side, layer) => (side === grid ? [layer] : [])),
      num_pos_feats: dim('prompt_encoder.pe_layer.positional_encoding_gaussian_matrix', 1),
    },
    prompt_encoder_config: { hidden_size: width, mask_input_channels: dim('prompt_encoder.mask_downscaling.3.weight', 0) },
    mask_decoder_config: {
      hidden_size: width,
      mlp_dim: dim('mask_decoder.transformer.layers.0.mlp.lin1.weight', 0),
      num_hidden_layers: count('mask_decoder.transformer.layers.'),
      num_multimask_outputs: dim('mask_decoder.mask_tokens.weight', 0) - 1,
      iou_head_depth: count('mask_decoder.iou_prediction_head.layers.'),
      iou_head_hidden_dim: dim('mask_decoder.iou_prediction_head.layers.0.weight', 0),
      // `TwoWayAttentionBlock` leaves torch's default.
      layer_norm_eps: 1e-5,
    },
  }
  return { config, location: checkpoint.location, file: 'what the shapes of the weights tell' }
}
