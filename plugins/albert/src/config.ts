import { activationNames, type Checkpoint, readConfig } from '@silane/core'
import * as z from 'zod'

const size = z.int().positive()

/** The keys of an ALBERT config.json that its numbers depend on, with transformers' defaults (`configuration_albert.py`), which are xxlarge's. */
const schema = z
  .object({
    vocab_size: size.default(30000),
    embedding_size: size.default(128),
    hidden_size: size.default(4096),
    num_hidden_layers: size.default(12),
    num_hidden_groups: size.default(1),
    inner_group_num: size.default(1),
    num_attention_heads: size.default(64),
    intermediate_size: size.default(16384),
    hidden_act: z.enum(activationNames).default('gelu_new'),
    max_position_embeddings: size.default(512),
    type_vocab_size: size.default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    position_embedding_type: z.enum(['absolute', 'relative_key', 'relative_key_query']).default('absolute'),
    tie_word_embeddings: z.boolean().default(true),
    pruned_heads: z.record(z.string(), z.array(z.int())).default({}),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })

export type AlbertConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readAlbertConfig = (checkpoint: Checkpoint): AlbertConfig => readConfig(checkpoint, schema)
