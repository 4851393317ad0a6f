import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/**
 * The keys of a Perceiver config.json that its numbers depend on, with transformers' defaults (`configuration_perceiver.py`).
 * `layer_norm_eps` is none of them: every norm of the original keeps torch's default.
 */
const schema = z
  .object({
    num_latents: count(limits.positions).default(256),
    d_latents: count(limits.width).default(1280),
    /** Width of embedded bytes. */
    d_model: count(limits.width).default(768),
    num_blocks: count(limits.layers).default(1),
    num_self_attends_per_block: count(limits.layers).default(26),
    num_self_attention_heads: count(limits.heads).default(8),
    num_cross_attention_heads: count(limits.heads).default(8),
    /** Of the encoder; left out, `cross_attention_shape_for_attention` and the widths of what is attended to decide. */
    qk_channels: count(limits.width).optional(),
    v_channels: count(limits.width).optional(),
    cross_attention_shape_for_attention: z.enum(['q', 'kv']).default('kv'),
    self_attention_widening_factor: count(limits.few).default(1),
    cross_attention_widening_factor: count(limits.few).default(1),
    hidden_act: z.enum(activationNames).default('gelu'),
    /** Of the encoder's cross-attention. */
    use_query_residual: z.boolean().default(true),
    vocab_size: count(limits.vocabulary).default(262),
    max_position_embeddings: count(limits.positions).default(2048),
    /** Of learned positions. */
    image_size: count(limits.imageSize).default(56),
    /** Of optical flow. */
    train_size: z.tuple([count(limits.imageSize), count(limits.imageSize)], 'is not [height, width]').default([368, 496]),
  })
  .superRefine((c, context) => {
    const demand = (holds: boolean, key: string, message: string) => {
      if (!holds) context.addIssue({ code: 'custom', path: [key], message })
    }
    for (const heads of ['num_self_attention_heads', 'num_cross_attention_heads'] as const)
      demand(c.d_latents % c[heads] === 0, heads, 'does not divide d_latents')
    demand(c.num_blocks * c.num_self_attends_per_block <= limits.layers, 'num_blocks', `makes more than ${limits.layers} layers in all`)
    const qk = c.qk_channels ?? c.d_latents
    const v = c.v_channels ?? qk
    demand(qk % c.num_self_attention_heads === 0, 'num_self_attention_heads', 'does not divide qk_channels')
    demand(v === c.d_latents, c.v_channels === undefined ? 'qk_channels' : 'v_channels', 'does not give values as wide as d_latents')
  })

export type PerceiverConfig = z.infer<typeof schema> & {
  /** Where the file is, for messages. */
  readonly where: string
}

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readPerceiverConfig = (checkpoint: Checkpoint): PerceiverConfig => ({
  ...readConfig(checkpoint, schema),
  where: checkpoint.location,
})
