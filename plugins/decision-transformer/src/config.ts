import { activationNames, type Checkpoint, limits, ownNames, readConfig } from '@silane/core'
import type { Gpt2Layers } from '@silane/plugin-gpt2/model'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of a Decision Transformer's config.json that its numbers depend on, with transformers' defaults (`configuration_decision_transformer.py`). */
const schema = z
  .object({
    state_dim: count(limits.width).default(17),
    act_dim: count(limits.width).default(4),
    hidden_size: count(limits.width).default(128),
    max_ep_len: count(limits.positions).default(4096),
    action_tanh: z.boolean().default(true),
    n_positions: z.int().min(3, 'has no room for one step, which is three tokens').max(limits.positions).default(1024),
    n_layer: count(limits.layers).default(3),
    n_head: count(limits.heads).default(1),
    n_inner: count(limits.feedForward).optional(),
    activation_function: z.enum(activationNames).default('relu'),
    layer_norm_epsilon: z.number().nonnegative().default(1e-5),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    add_cross_attention: z.literal(false, 'there is nothing besides the trajectory to attend to').default(false),
    max_length: count(limits.positions).optional(),
  })
  .refine(c => c.hidden_size % c.n_head === 0, { path: ['n_head'], message: 'does not divide hidden_size' })

export type DecisionTransformerConfig = z.infer<typeof schema>

/** Names that configurations use for the same things (`attribute_map`). */
const aliases = { max_position_embeddings: 'n_positions', num_attention_heads: 'n_head', num_hidden_layers: 'n_layer' }

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readDecisionTransformerConfig = (checkpoint: Checkpoint): DecisionTransformerConfig =>
  readConfig(ownNames(checkpoint, aliases), schema)

/** The configuration of the GPT-2 inside, whose width is called otherwise. */
export const layersOf = (config: DecisionTransformerConfig): Gpt2Layers => ({ ...config, n_embd: config.hidden_size })
