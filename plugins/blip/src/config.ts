import { activationNames, type Checkpoint, errors, limits, readConfig } from '@silane/core'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)
const token = z.int().nonnegative()

/** The keys that the numbers of a vision tower depend on. */
export interface BlipVisionConfig {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly image_size: number
  readonly patch_size: number
  readonly hidden_act: string
  readonly layer_norm_eps: number
}

/** The defaults of transformers' `BlipVisionConfig`. */
const towerOfBlip: BlipVisionConfig = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 384,
  patch_size: 16,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-5,
}

const vision = (defaults: BlipVisionConfig) =>
  z
    .object({
      hidden_size: count(limits.width).default(defaults.hidden_size),
      intermediate_size: count(limits.feedForward).default(defaults.intermediate_size),
      num_hidden_layers: count(limits.layers).default(defaults.num_hidden_layers),
      num_attention_heads: count(limits.heads).default(defaults.num_attention_heads),
      image_size: count(limits.imageSize).default(defaults.image_size),
      patch_size: count(limits.patch).default(defaults.patch_size),
      hidden_act: z.enum(activationNames).default(defaults.hidden_act),
      layer_norm_eps: z.number().nonnegative().default(defaults.layer_norm_eps),
    })
    .refine(c => c.hidden_size % c.num_attention_heads === 0, { path: ['num_attention_heads'], message: 'does not divide hidden_size' })

/** `vision_config` of config.json, typed, defaulted and checked. Throws E_CONFIG. */
export const readVisionConfig = (checkpoint: Checkpoint, defaults: BlipVisionConfig): BlipVisionConfig =>
  readConfig(checkpoint, vision(defaults), 'vision_config')

/** The keys of a text stack, with the defaults of `BlipTextConfig`. Its default of 8 heads fits no published model; their files say 12. */
const text = z
  .object({
    vocab_size: count(limits.vocabulary).default(30524),
    hidden_size: count(limits.width).default(768),
    intermediate_size: count(limits.feedForward).default(3072),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(8),
    max_position_embeddings: count(limits.positions).default(512),
    hidden_act: z.enum(activationNames).default('gelu'),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    position_embedding_type: z.literal('absolute', 'only absolute positions are supported').default('absolute'),
    tie_word_embeddings: z.boolean().default(true),
    pruned_heads: z
      .record(z.string(), z.array(z.int()))
      .refine(heads => Object.values(heads).every(of => of.length === 0), 'pruned heads are not supported')
      .default({}),
    // It says whether layers have a cross-attention, not whether they look back only.
    is_decoder: z.literal(true, 'without it the layers have no attention to pictures').default(true),
    bos_token_id: token.default(30522),
    sep_token_id: token.default(102),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, { path: ['num_attention_heads'], message: 'does not divide hidden_size' })

const shared = z.object({
  /** Width of what pictures and texts are compared by. */
  image_text_hidden_size: count(limits.width).default(256),
  // Written since transformers 5, which ties by this one too.
  tie_word_embeddings: z.boolean().default(true),
})

export type BlipTextConfig = z.infer<typeof text>

export interface BlipConfig {
  readonly image_text_hidden_size: number
  /** Whether a text decoder without an output matrix of its own has the word embeddings in its place. */
  readonly tied: boolean
  readonly vision: BlipVisionConfig
  readonly text: BlipTextConfig
}

/** config.json, typed, defaulted and checked. Throws E_CONFIG. */
export function readBlipConfig(checkpoint: Checkpoint): BlipConfig {
  const { image_text_hidden_size, tie_word_embeddings } = readConfig(checkpoint, shared)
  const words = readConfig(checkpoint, text, 'text_config')
  const tied = tie_word_embeddings || words.tie_word_embeddings
  return { image_text_hidden_size, tied, vision: readVisionConfig(checkpoint, towerOfBlip), text: words }
}

/**
 * The answering decoder attends to states of the question, but its keys and values are as wide as those of pictures: both must be equal.
 * Throws E_CONFIG.
 */
export function requireEqualWidths({ vision, text }: BlipConfig, { location }: Checkpoint): void {
  if (vision.hidden_size === text.hidden_size) return
  const problem = `is ${text.hidden_size}, and ${vision.hidden_size} in vision_config; to answer questions they must be equal`
  throw errors.E_CONFIG({ field: 'text_config.hidden_size', problem, where: location })
}
