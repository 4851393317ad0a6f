import { activationNames, type ConfigSource, limits, own, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** The vocabulary that transformers assumes for each model type; all other defaults are the same. */
const vocabularies: Readonly<Record<string, number>> = { roberta: 50265, 'xlm-roberta': 30522, camembert: 30522 }

/**
 * The keys of a RoBERTa config.json that its numbers depend on, with transformers' defaults (`configuration_roberta.py`,
 * `configuration_xlm_roberta.py`, `configuration_camembert.py`): BERT's, though every published checkpoint has others.
 */
const schema = z
  .object({
    model_type: z.string().default('roberta'),
    vocab_size: count(limits.vocabulary).optional(),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    intermediate_size: count(limits.feedForward).default(3072),
    hidden_act: z.enum(activationNames).default('gelu'),
    max_position_embeddings: count(limits.positions).default(512),
    type_vocab_size: count(limits.tokenTypes).default(2),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    pad_token_id: z.int().nonnegative().default(1),
    position_embedding_type: z.enum(['absolute', 'relative_key', 'relative_key_query']).default('absolute'),
    tie_word_embeddings: z.boolean().default(true),
    is_decoder: z.boolean().default(false),
    add_cross_attention: z.literal(false, 'only encoders are supported, this one attends to another').default(false),
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
  .transform(c => ({ ...c, vocab_size: c.vocab_size ?? own(vocabularies, c.model_type) ?? 50265 }))

export type RobertaConfig = z.infer<typeof schema>

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readRobertaConfig = (source: ConfigSource): RobertaConfig => readConfig(source, schema)
