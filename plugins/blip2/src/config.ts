import { activationNames, type Checkpoint, errors, type Json, limits, ownNames, readConfig } from '@silane/core'
import { type BlipVisionConfig, readVisionConfig } from '@silane/plugin-blip/model'
import { type OptConfig, readOptConfig } from '@silane/plugin-opt/model'
import { readT5Config, type T5Config } from '@silane/plugin-t5/model'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)
const id = z.int().nonnegative()

/** EVA's ViT-g without its last block: the defaults of transformers' `Blip2VisionConfig`. Published files leave most of them out. */
const tower: BlipVisionConfig = {
  hidden_size: 1408,
  intermediate_size: 6144,
  num_hidden_layers: 39,
  num_attention_heads: 16,
  image_size: 224,
  patch_size: 14,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-6,
}

/** What BLIP's tower does not have as a setting. */
const towerBiases = z.object({ qkv_bias: z.literal(true, 'towers without these biases are not supported').default(true) })

/** The keys of `qformer_config`, with the defaults of `Blip2QFormerConfig`. */
const qformer = z
  .object({
    vocab_size: count(limits.vocabulary).default(30522),
    hidden_size: count(limits.width).default(768),
    num_hidden_layers: count(limits.layers).default(12),
    num_attention_heads: count(limits.heads).default(12),
    intermediate_size: count(limits.feedForward).default(3072),
    hidden_act: z.enum(activationNames).default('gelu'),
    max_position_embeddings: count(limits.positions).default(512),
    layer_norm_eps: z.number().nonnegative().default(1e-12),
    position_embedding_type: z.literal('absolute', 'only absolute positions are supported').default('absolute'),
    cross_attention_frequency: count(limits.layers).default(2),
    use_qformer_text_input: z.boolean().default(false),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, { path: ['num_attention_heads'], message: 'does not divide hidden_size' })

const whole = z.object({
  num_query_tokens: count(limits.few).default(32),
  image_text_hidden_size: count(limits.width).default(256),
  /** The id that stands for a row of a picture. */
  image_token_index: id.optional(),
})

const language = z.object({
  model_type: z.enum(['opt', 't5'], 'is a language model that is not supported; OPT and T5 are').default('opt'),
  bos_token_id: id.optional(),
  eos_token_id: z.union([id, z.array(id).readonly()]).optional(),
  pad_token_id: id.optional(),
  decoder_start_token_id: id.optional(),
})

/** Another name of a key (`attribute_map`). Where both are there, versions of transformers differ in which they take. */
const aliases = { image_token_id: 'image_token_index' }

export type QFormerConfig = z.infer<typeof qformer>

export interface Blip2Config {
  readonly vision: BlipVisionConfig
  readonly qformer: QFormerConfig
  /** Queries Q that look at a picture. */
  readonly num_query_tokens: number
  /** Width of what pictures and texts are compared by. */
  readonly image_text_hidden_size: number
  readonly image_token_index: number | undefined
}

/** config.json without its language model, typed, defaulted and checked. Throws E_CONFIG. */
export function readBlip2Config(checkpoint: Checkpoint): Blip2Config {
  const { image_token_index, ...config } = readConfig(ownNames(checkpoint, aliases, { contradictions: 'refuse' }), whole)
  readConfig(checkpoint, towerBiases, 'vision_config')
  return {
    ...config,
    image_token_index,
    vision: readVisionConfig(checkpoint, tower),
    qformer: readConfig(checkpoint, qformer, 'qformer_config'),
  }
}

export type LanguageConfig = ({ readonly type: 'opt'; readonly config: OptConfig } | { readonly type: 't5'; readonly config: T5Config }) & {
  /** What generation begins and ends with: transformers asks the language model's own configuration, no generation_config.json. */
  readonly generation: Readonly<Record<string, Json>>
}

/** `text_config`. Throws E_CONFIG. */
export function readLanguageConfig(checkpoint: Checkpoint): LanguageConfig {
  const { model_type: type, ...tokens } = readConfig(checkpoint, language, 'text_config')
  if (type === 't5') {
    const generation = {
      decoder_start_token_id: tokens.decoder_start_token_id ?? tokens.pad_token_id ?? 0,
      eos_token_id: tokens.eos_token_id ?? 1,
    }
    return { type, config: readT5Config(checkpoint, 'text_config'), generation }
  }
  const config = readOptConfig(checkpoint, 'text_config')
  const generation = { bos_token_id: tokens.bos_token_id ?? 2, eos_token_id: tokens.eos_token_id ?? 2 }
  if (config.word_embed_proj_dim === config.hidden_size) return { type, config, generation }
  const problem = `is ${config.word_embed_proj_dim}, but a picture's rows among the words are ${config.hidden_size} wide`
  throw errors.E_CONFIG({ field: 'text_config.word_embed_proj_dim', problem, where: checkpoint.location })
}

/** The id in whose places a picture stands; transformers needs it too. Throws E_CONFIG. */
export function requireImageToken({ image_token_index: id }: Blip2Config, vocabulary: number, { location: where }: Checkpoint): number {
  if (id === undefined) throw errors.E_CONFIG({ field: 'image_token_index', problem: 'is missing: no id stands for a picture', where })
  if (id < vocabulary) return id
  throw errors.E_CONFIG({ field: 'image_token_index', problem: `is ${id}, beyond the ${vocabulary} words`, where })
}

/** A text is read with the queries, which takes layers that read text. Throws E_CONFIG. */
export function requireText({ qformer }: Blip2Config, { location: where }: Checkpoint): void {
  if (qformer.use_qformer_text_input) return
  const problem = 'is false; to compare texts with pictures the Q-Former must read text'
  throw errors.E_CONFIG({ field: 'qformer_config.use_qformer_text_input', problem, where })
}
