import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of config.json, which is RoBERTa's, that the numbers depend on, with transformers' defaults (`configuration_roberta.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(50265),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    intermediate_size: count(limits.feedForward).default(3072),
    hidden_act: z.enum(activationNames).default('gelu'),
    max_position_embeddings: count(limits.positions).default(512),
    type_vocab_size: count(limits.tokenTypes).default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    pad_token_id: z.literal(1, 'GraphCodeBERT writes 0 and 1 for nodes and padding, so tokens must begin at 2').default(1),
    position_embedding_type: z.literal('absolute', 'GraphCodeBERT tells nodes by their position embedding').default('absolute'),
    is_decoder: z.literal(false, 'only encoders are supported, this is a decoder').default(false),
    pruned_heads: z.record(z.string(), z.array(z.int())).default({}),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })
  .refine(c => c.max_position_embeddings > c.pad_token_id + 1, {
    path: ['max_position_embeddings'],
    message: 'leaves no position behind the one of padding',
  })

export type GraphCodeBertConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readGraphCodeBertConfig = (checkpoint: Checkpoint): GraphCodeBertConfig => readConfig(checkpoint, schema)
