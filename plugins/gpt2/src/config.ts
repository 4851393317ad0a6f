import { activationNames, type Checkpoint, limits, ownNames, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of a GPT-2 config.json that its numbers depend on, with transformers' defaults (`configuration_gpt2.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(50257),
    n_positions: count(limits.positions).default(1024),
    n_embd: count(limits.width).default(768),
    n_layer: count(limits.layers).default(12),
    n_head: count(limits.heads).default(12),
    n_inner: count(limits.feedForward).optional(),
    activation_function: z.enum(activationNames).default('gelu_new'),
    layer_norm_epsilon: z.number().nonnegative().default(1e-5),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
    add_cross_attention: z.literal(false, 'GPT-2 as the decoder of another model is not supported').default(false),
    pad_token_id: z.int().optional(),
  })
  .refine(c => c.n_embd % c.n_head === 0, { path: ['n_head'], message: 'does not divide n_embd' })

export type Gpt2Config = z.infer<typeof schema>

/** Names that configurations use for the same things (`attribute_map`). */
const aliases = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
}

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readGpt2Config = (checkpoint: Checkpoint): Gpt2Config => readConfig(ownNames(checkpoint, aliases), schema)
