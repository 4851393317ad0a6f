import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of an OPT config.json that its numbers depend on, with transformers' defaults (`configuration_opt.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(50272),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    ffn_dim: count(limits.feedForward).default(3072),
    max_position_embeddings: count(limits.positions).default(2048),
    /** Width of the word embeddings, which a matrix takes to the layers' and another one back. */
    word_embed_proj_dim: count(limits.width).optional(),
    activation_function: z.enum(activationNames).default('relu'),
    /** Norms before attention and feed-forward layers, or after the sums as in opt-350m. */
    do_layer_norm_before: z.boolean().default(true),
    _remove_final_layer_norm: z.boolean().default(false),
    layer_norm_elementwise_affine: z.boolean().default(true),
    enable_bias: z.boolean().default(true),
    tie_word_embeddings: z.boolean().default(true),
    pad_token_id: z.int().optional(),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, { path: ['num_attention_heads'], message: 'does not divide hidden_size' })
  .transform(c => ({ ...c, word_embed_proj_dim: c.word_embed_proj_dim ?? c.hidden_size }))

export type OptConfig = z.infer<typeof schema>

/** config.json, or one section of it, typed, defaulted and checked. Throws E_CONFIG. */
export function readOptConfig(checkpoint: Checkpoint, section?: string): OptConfig {
  const config = readConfig(checkpoint, schema, section)
  const keys = section === undefined ? checkpoint.config : checkpoint.config[section]
  const said = typeof keys === 'object' && keys !== null && 'pad_token_id' in keys
  // A key that is left out means id 1, null that there is no padding: of all keys only this one tells them apart.
  return said ? config : { ...config, pad_token_id: 1 }
}
