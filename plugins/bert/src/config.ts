import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of a BERT config.json that its numbers depend on, with transformers' defaults (`configuration_bert.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(30522),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    intermediate_size: count(limits.feedForward).default(3072),
    hidden_act: z.enum(activationNames).default('gelu'),
    max_position_embeddings: count(limits.positions).default(512),
    type_vocab_size: count(limits.tokenTypes).default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    position_embedding_type: z.enum(['absolute', 'relative_key', 'relative_key_query']).default('absolute'),
    tie_word_embeddings: z.boolean().default(true),
    is_decoder: z.literal(false, 'only encoders are supported, this is a decoder').default(false),
    pruned_heads: z.record(z.string(), z.array(z.int())).default({}),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })

export type BertConfig = z.infer<typeof schema>

/** config.json, or one section of it, typed, defaulted and checked. Throws E_CONFIG. */
export const readBertConfig = (checkpoint: Checkpoint, section?: string): BertConfig => readConfig(checkpoint, schema, section)
