import { activationNames, type ConfigSource, limits, ownNames, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** Names that other models have for the same keys; transformers takes either (`attribute_map`). */
const aliases = { hidden_size: 'dim', num_attention_heads: 'n_heads', num_hidden_layers: 'n_layers' }

/** The keys of a DistilBERT config.json that its numbers depend on, with transformers' defaults (`configuration_distilbert.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(30522),
    dim: count(limits.width).default(768),
    n_layers: count(limits.layers).default(6),
    n_heads: count(limits.heads).default(12),
    hidden_dim: count(limits.feedForward).default(3072),
    activation: z.enum(activationNames).default('gelu'),
    max_position_embeddings: count(limits.positions).default(512),
    tie_word_embeddings: z.boolean().default(true),
    pruned_heads: z.record(z.string(), z.array(z.int())).default({}),
  })
  .refine(c => c.dim % c.n_heads === 0, { path: ['n_heads'], message: 'does not divide dim' })

export type DistilBertConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readDistilBertConfig = (checkpoint: ConfigSource): DistilBertConfig => readConfig(ownNames(checkpoint, aliases), schema)
