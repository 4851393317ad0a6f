import { activationNames, type Checkpoint, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The setting in which first tokens, last tokens and spans have maps of their own. */
export const SPANS = 'unirel_span'

/** Heads that make up the first and the second of the three maps; the others make up the third. */
export const HEADS_PER_MAP = 4

/** The keys of a UniRel config.json that its numbers depend on: BERT's with its defaults, and those that run.py adds. */
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
    position_embedding_type: z.literal('absolute', 'UniRel has absolute positions alone').default('absolute'),
    pruned_heads: z.record(z.string(), z.never('UniRel counts heads, none may be missing')).default({}),
    num_rels: count(limits.labels),
    threshold: z.number().default(0.5),
    test_data_type: z.string().default(SPANS),
    is_separate_ablation: z.literal(false, 'the ablation that encodes text and relations apart is not supported').default(false),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, {
    path: ['num_attention_heads'],
    message: 'does not divide hidden_size',
  })
  .refine(c => c.test_data_type !== SPANS || c.num_attention_heads > 2 * HEADS_PER_MAP, {
    path: ['num_attention_heads'],
    message: 'leaves no head to the map of spans',
  })
  .refine(c => c.num_rels < c.max_position_embeddings, {
    path: ['num_rels'],
    message: 'leaves no position to the text',
  })

export type UniRelConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readUniRelConfig = (checkpoint: Checkpoint): UniRelConfig => readConfig(checkpoint, schema)
