import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/**
 * The keys of a MosaicBERT config.json that its numbers depend on, with the defaults of BERT's configuration class.
 * `position_embedding_type` and `max_position_embeddings` are there and ignored, and so is `hidden_act` but for the head of the
 * masked language model; `alibi_starting_size` is the size of a cache.
 */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(30522),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    intermediate_size: count(limits.feedForward).default(3072),
    hidden_act: z.enum(activationNames).default('gelu'),
    type_vocab_size: count(limits.tokenTypes).default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    tie_word_embeddings: z.boolean().default(true),
    is_decoder: z.literal(false, 'only encoders are supported, this is a decoder').default(false),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })

export type MosaicBertConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readMosaicBertConfig = (checkpoint: Checkpoint): MosaicBertConfig => readConfig(checkpoint, schema)
