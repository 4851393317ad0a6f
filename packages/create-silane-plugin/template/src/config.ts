import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const size = (most: number) => z.int().positive().max(most)

/** The keys of config.json that the numbers depend on, with transformers' defaults (`configuration_bert_generation.py`). */
const schema = z
  .object({
    vocab_size: size(limits.vocabulary).default(50358),
    hidden_size: size(limits.width).default(1024),
    num_hidden_layers: size(limits.layers).default(24),
    num_attention_heads: size(limits.heads).default(16),
    intermediate_size: size(limits.feedForward).default(4096),
    hidden_act: z.enum(activationNames).default('gelu'),
    max_position_embeddings: size(limits.positions).default(512),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    // What would change the numbers and is not computed here is refused, never ignored.
    position_embedding_type: z.literal('absolute').default('absolute'),
    is_decoder: z.literal(false, 'only the encoder is supported, this is a decoder').default(false),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })

export type ModelConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readModelConfig = (checkpoint: Checkpoint): ModelConfig => readConfig(checkpoint, schema)
