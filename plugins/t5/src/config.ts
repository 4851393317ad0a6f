import { type ConfigSource, limits, ownNames, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of a T5 config.json that its numbers depend on, with transformers' defaults (`configuration_t5.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(32128),
    d_model: count(limits.width).default(512),
    d_kv: count(limits.width).default(64),
    d_ff: count(limits.feedForward).default(2048),
    num_layers: count(limits.layers).default(6),
    num_heads: count(limits.heads).default(8),
    relative_attention_num_buckets: count(limits.buckets).default(32),
    relative_attention_max_distance: count(limits.distance).default(128),
    layer_norm_epsilon: z.number().nonnegative().default(1e-6),
    feed_forward_proj: z.string().default('relu'),
    dense_act_fn: z.string().optional(),
    is_gated_act: z.boolean().optional(),
    // Writers leave it out when it is true.
    tie_word_embeddings: z.boolean().default(true),
    // Written since transformers 5, which ties nothing by tie_word_embeddings: it writes true beside output matrices of their own.
    scale_decoder_outputs: z.boolean().nullish(),
  })
  .transform(({ feed_forward_proj, dense_act_fn, is_gated_act, tie_word_embeddings, ...config }) => {
    const gated = feed_forward_proj.startsWith('gated-')
    const name = gated ? feed_forward_proj.slice('gated-'.length) : feed_forward_proj
    return {
      ...config,
      // `gated-gelu` means the tanh formula, plain `gelu` the exact one; what the file derives itself wins.
      activation: dense_act_fn ?? (feed_forward_proj === 'gated-gelu' ? 'gelu_new' : name),
      gated: is_gated_act ?? gated,
      /** Whether the decoder's output is multiplied by d_model^−½ before the output matrix. */
      scale_decoder_outputs: config.scale_decoder_outputs ?? tie_word_embeddings,
      /** Whether the output matrix is the embeddings even where the file holds an `lm_head`. */
      tied: config.scale_decoder_outputs == null && tie_word_embeddings,
      /** Width of all heads; it need not be d_model. */
      inner: config.num_heads * config.d_kv,
    }
  })

export type T5Config = z.infer<typeof schema> & { readonly num_decoder_layers: number }

/** Names that configurations use for the same things (`attribute_map`). */
const aliases = { hidden_size: 'd_model', num_attention_heads: 'num_heads', num_hidden_layers: 'num_layers', head_dim: 'd_kv' }

/** The decoder has as many layers as `num_layers` says where it has no key of its own, whatever `num_hidden_layers` says of the encoder. */
const decoder = z
  .object({ num_layers: schema.in.shape.num_layers, num_decoder_layers: count(limits.layers).optional() })
  .transform(({ num_layers, num_decoder_layers = num_layers }) => ({ num_decoder_layers }))

/** config.json, or one section of it, typed, defaulted and checked. Throws E_CONFIG. */
export const readT5Config = (checkpoint: ConfigSource, section?: string): T5Config => ({
  ...readConfig(ownNames(checkpoint, aliases, { section }), schema, section),
  ...readConfig(checkpoint, decoder, section),
})
