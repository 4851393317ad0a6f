import { activationNames, type Checkpoint, errors, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/**
 * The keys of a REALM config.json that its numbers depend on, with transformers' defaults (`configuration_realm.py`): BERT's with another
 * activation, and its own. Published files say `pad_token_id: 1` of a vocabulary whose `[PAD]` is 0; nothing is made of it.
 */
const schema = z
  .object({
    vocab_size: count(limits.vocabulary).default(30522),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    intermediate_size: count(limits.feedForward).default(3072),
    hidden_act: z.enum(activationNames).default('gelu_new'),
    max_position_embeddings: count(limits.positions).default(512),
    type_vocab_size: count(limits.tokenTypes).default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    position_embedding_type: z.enum(['absolute', 'relative_key', 'relative_key_query']).default('absolute'),
    tie_word_embeddings: z.boolean().default(true),
    is_decoder: z.literal(false, 'only encoders are supported, this is a decoder').default(false),
    pruned_heads: z.record(z.string(), z.array(z.int())).default({}),
    retriever_proj_size: count(limits.width).default(128),
    num_candidates: count(limits.labels).default(8),
    span_hidden_size: count(limits.width).default(256),
    max_span_width: count(limits.positions).default(10),
    reader_layer_norm_eps: z.number().nonnegative().default(1e-3),
    reader_beam_size: count(limits.few).default(5),
    reader_seq_len: count(limits.positions).default(320),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })

export type RealmConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readRealmConfig = (checkpoint: Checkpoint): RealmConfig => readConfig(checkpoint, schema)

/** The reader reads no sequence that is shorter than its longest span, as in the original. Throws E_OPTION. */
export function requireSpans(lengths: readonly number[], { max_span_width: width }: RealmConfig): void {
  for (const length of lengths) {
    if (length >= width) continue
    throw errors.E_OPTION({ option: '--seq', problem: `${length} tokens are fewer than the longest answer has, max_span_width ${width}` })
  }
}
