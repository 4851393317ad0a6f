import type { Builder } from '../builder.ts'
import type { Value } from '../graph/graph.ts'
import { embedding, firstRows, layerNorm } from './layers.ts'
import type { PostNormConfig } from './post-norm-layer.ts'
import type { Weights } from './weights.ts'

export interface BertEmbeddings {
  readonly vocabulary: number
  readonly types: number
  /** Rows of the position table; undefined where positions enter elsewhere, and none is added. */
  readonly positions: number | undefined
  readonly width: number
  readonly epsilon: number
}

/** LN(word + segment + position), the position of a token being its place. [B, S] → [B, S, width] (transformers `BertEmbeddings`) */
export function bertEmbeddings(b: Builder, ids: Value, types: Value, w: Weights, config: BertEmbeddings): Value {
  const { width } = config
  const words = embedding(b, ids, w.at('word_embeddings'), config.vocabulary, width)
  const segments = embedding(b, types, w.at('token_type_embeddings'), config.types, width)
  let x = b.add({ x: words, y: segments })
  if (config.positions !== undefined) {
    x = b.add({ x, y: firstRows(b, w.at('position_embeddings'), config.positions, width, ids.type.shape[1] as number) })
  }
  return layerNorm(b, x, w.at('LayerNorm'), config.epsilon)
}

/** What a layer takes from a config.json with BERT's keys. */
export interface BertLayerKeys {
  readonly hidden_size: number
  readonly num_attention_heads: number
  readonly intermediate_size: number
  readonly hidden_act: string
  readonly layer_norm_eps: number
  readonly position_embedding_type: string
  readonly max_position_embeddings: number
  /** The heads that were taken out of each layer, by its number. */
  readonly pruned_heads: Readonly<Record<string, readonly number[]>>
}

/** The sizes of the layer with this number. */
export const bertLayer = (config: BertLayerKeys, index: number): PostNormConfig => ({
  hidden: config.hidden_size,
  heads: config.num_attention_heads - (config.pruned_heads[index]?.length ?? 0),
  headSize: config.hidden_size / config.num_attention_heads,
  intermediate: config.intermediate_size,
  activation: config.hidden_act,
  epsilon: config.layer_norm_eps,
  positions: config.position_embedding_type,
  maxPositions: config.max_position_embeddings,
})
