import { type ConfigSource, limits, ownNames, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** What transformers assumes for T5, and for mT5 and UMT5; all other defaults are the same. */
const t5 = { vocab_size: 32128, d_ff: 2048, num_layers: 6, num_heads: 8, feed_forward_proj: 'relu' }
const multilingual = { vocab_size: 250112, d_ff: 1024, num_layers: 8, num_heads: 6, feed_forward_proj: 'gated-gelu' }

const defaultsOf = (type: 't5' | 'mt5' | 'umt5') => (type === 't5' ? t5 : multilingual)

/** The model type of a file that names only its class. */
const typeOf = ([name = '']: readonly string[] = []) => (name.startsWith('UMT5') ? 'umt5' : name.startsWith('MT5') ? 'mt5' : 't5')

/**
 * The keys of a T5 config.json that its numbers depend on, with transformers' defaults (`configuration_t5.py`, `configuration_mt5.py`,
 * `configuration_umt5.py`).
 */
const schema = z
  .object({
    model_type: z.enum(['t5', 'mt5', 'umt5'], 'is none of t5, mt5, umt5').optional(),
    architectures: z.array(z.string()).optional(),
    vocab_size: count(limits.vocabulary).optional(),
    d_model: count(limits.width).default(512),
    d_kv: count(limits.width).default(64),
    d_ff: count(limits.feedForward).optional(),
    num_layers: count(limits.layers).optional(),
    num_heads: count(limits.heads).optional(),
    relative_attention_num_buckets: count(limits.buckets).default(32),
    relative_attention_max_distance: count(limits.distance).default(128),
    layer_norm_epsilon: z.number().nonnegative().default(1e-6),
    feed_forward_proj: z.string().optional(),
    dense_act_fn: z.string().optional(),
    is_gated_act: z.boolean().optional(),
    // transformers 4 makes one of the two stacks' weights, version 5 does not know the key.
    tie_encoder_decoder: z.literal(false, 'is true, which versions of transformers differ in').default(false),
    // Writers leave it out when it is true.
    tie_word_embeddings: z.boolean().default(true),
    // Written since transformers 5, which writes true for tie_word_embeddings whatever the file holds.
    scale_decoder_outputs: z.boolean().optional(),
  })
  .transform(({ architectures, dense_act_fn, is_gated_act, tie_word_embeddings, scale_decoder_outputs, feed_forward_proj, ...given }) => {
    const model_type = given.model_type ?? typeOf(architectures)
    const defaults = defaultsOf(model_type)
    const layers = given.num_layers ?? defaults.num_layers
    const heads = given.num_heads ?? defaults.num_heads
    const form = feed_forward_proj ?? defaults.feed_forward_proj
    const gated = form.startsWith('gated-')
    const name = gated ? form.slice('gated-'.length) : form
    return {
      ...given,
      model_type,
      vocab_size: given.vocab_size ?? defaults.vocab_size,
      d_ff: given.d_ff ?? defaults.d_ff,
      num_layers: layers,
      num_heads: heads,
      // `gated-gelu` means the tanh formula, plain `gelu` the exact one; what the file derives itself wins.
      activation: dense_act_fn ?? (form === 'gated-gelu' ? 'gelu_new' : name),
      gated: is_gated_act ?? gated,
      /** Whether the decoder's output is multiplied by d_model^−½ before the output matrix. mT5's never is, since transformers 5. */
      scale_decoder_outputs: model_type !== 'mt5' && (scale_decoder_outputs ?? tie_word_embeddings),
      /** Whether every layer has a bias of relative positions of its own, or the first one's serves all. */
      bias_per_layer: model_type === 'umt5',
      /** Width of all heads; it need not be d_model. */
      inner: heads * given.d_kv,
    }
  })

export type T5Config = z.infer<typeof schema> & { readonly num_decoder_layers: number }

/** Names that configurations use for the same things (`attribute_map`). */
const aliases = { hidden_size: 'd_model', num_attention_heads: 'num_heads', num_hidden_layers: 'num_layers', head_dim: 'd_kv' }

/** The decoder has as many layers as `num_layers` says where it has no key of its own, whatever `num_hidden_layers` says of the encoder. */
const decoder = z.object({ num_layers: count(limits.layers).optional(), num_decoder_layers: count(limits.layers).optional() })

/** config.json, or one section of it, typed, defaulted and checked. Throws E_CONFIG. */
export function readT5Config(checkpoint: ConfigSource, section?: string): T5Config {
  const config = readConfig(ownNames(checkpoint, aliases, { section }), schema, section)
  const own = readConfig(checkpoint, decoder, section)
  return { ...config, num_decoder_layers: own.num_decoder_layers ?? own.num_layers ?? defaultsOf(config.model_type).num_layers }
}
