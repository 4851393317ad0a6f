import { activationNames, type ConfigSource, limits, ownNames, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The keys of a BART config.json that its numbers depend on, with transformers' defaults (`configuration_bart.py`). */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(50265),
    d_model: count(limits.width).default(1024),
    max_position_embeddings: count(limits.positions).default(1024),
    encoder_layers: count(limits.layers).default(12),
    decoder_layers: count(limits.layers).default(12),
    encoder_attention_heads: count(limits.heads).default(16),
    decoder_attention_heads: count(limits.heads).default(16),
    encoder_ffn_dim: count(limits.feedForward).default(4096),
    decoder_ffn_dim: count(limits.feedForward).default(4096),
    activation_function: z.enum(activationNames).default('gelu'),
    scale_embedding: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
    // transformers 4 makes one of the two stacks' weights, version 5 does not know the key.
    tie_encoder_decoder: z.literal(false, 'is true, which versions of transformers differ in').default(false),
    eos_token_id: z.int().default(2),
    decoder_start_token_id: z.int().default(2),
  })
  .refine(c => c.d_model % c.encoder_attention_heads === 0, { path: ['encoder_attention_heads'], message: 'does not divide d_model' })
  .refine(c => c.d_model % c.decoder_attention_heads === 0, { path: ['decoder_attention_heads'], message: 'does not divide d_model' })

export type BartConfig = z.infer<typeof schema>

/** Names that configurations use for the same things (`attribute_map`). Heads are the encoder's. */
const aliases = { hidden_size: 'd_model', num_attention_heads: 'encoder_attention_heads' }

/** The same since transformers 5. Before, files said it as well, and nothing was made of it. */
const aliasesSince5 = { num_hidden_layers: 'encoder_layers' }

/** config.json, or one section of it, typed, defaulted and checked. Throws E_CONFIG. */
export const readBartConfig = (checkpoint: ConfigSource, section?: string): BartConfig =>
  readConfig(ownNames(ownNames(checkpoint, aliases, { section }), aliasesSince5, { section, contradictions: 'refuse' }), schema, section)
