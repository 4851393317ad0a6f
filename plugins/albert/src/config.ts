import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of an ALBERT config.json that its numbers depend on, with transformers' defaults (`configuration_albert.py`), which are xxlarge's. */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(30000),
    embedding_size: count(limits.width).default(128),
    hidden_size: count(limits.width).default(4096),
    num_hidden_layers: count(limits.layers).default(12),
    num_hidden_groups: count(limits.layers).default(1),
    inner_group_num: count(limits.layers).default(1),
    num_attention_heads: count(limits.heads).default(64),
    intermediate_size: count(limits.feedForward).default(16384),
    hidden_act: z.enum(activationNames).default('gelu_new'),
    max_position_embeddings: count(limits.positions).default(512),
    type_vocab_size: count(limits.tokenTypes).default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    position_embedding_type: z.enum(['absolute', 'relative_key', 'relative_key_query']).default('absolute'),
    tie_word_embeddings: z.boolean().default(true),
    pruned_heads: z.record(z.string(), z.array(z.int())).default({}),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })
  // A layer of this model is a group's inner layers, one after the other.
  .refine(c => c.num_hidden_layers * c.inner_group_num <= limits.layers, {
    path: ['inner_group_num'],
    message: `makes more than ${limits.layers} layers in all`,
  })

export type AlbertConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readAlbertConfig = (checkpoint: Checkpoint): AlbertConfig => readConfig(checkpoint, schema)
