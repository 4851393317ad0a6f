import {
  answerSpan,
  type Builder,
  linear,
  maskedLanguageModelHead,
  type PostNormNames,
  pooler,
  postNormLayer,
  type Value,
  type Weights,
} from '@silane/core'
import { bertEmbeddings, bertLayer } from '@silane/plugin-bert/model'
import type { AlbertConfig } from './config.ts'

/**
 * The encoder of Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2019), as
 * transformers' `modeling_albert.py` computes it: BERT with embeddings of their own, smaller size, and with layers that share
 * their weights. Shapes: B batch, S tokens, E embedding, C hidden, V vocabulary.
 */
export interface AlbertInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
  /** int32 [B, S] */
  readonly token_type_ids: Value
}

const layerNames: PostNormNames = {
  query: 'attention.query',
  key: 'attention.key',
  value: 'attention.value',
  attentionOutput: 'attention.dense',
  attentionNorm: 'attention.LayerNorm',
  intermediate: 'ffn',
  output: 'ffn_output',
  outputNorm: 'full_layer_layer_norm',
  distance: 'attention.distance_embedding',
}

/**
 * Last hidden states [B, S, C]. The layers are dealt out to groups, and each runs all the inner layers of its group: the same
 * tensors again and again, which a package stores once.
 */
export function encode(b: Builder, inputs: AlbertInputs, w: Weights, config: AlbertConfig): Value {
  const { hidden_size, num_hidden_layers, num_hidden_groups, inner_group_num } = config
  const groups = w.at('encoder.albert_layer_groups')
  let x = linear(b, embed(b, inputs, w.at('embeddings'), config), w.at('encoder.embedding_hidden_mapping_in'), hidden_size)
  for (let i = 0; i < num_hidden_layers; i++) {
    const group = Math.floor(i / (num_hidden_layers / num_hidden_groups))
    for (let j = 0; j < inner_group_num; j++) {
      x = layer(b, x, inputs.attention_mask, groups.at(group).at('albert_layers').at(j), config, group * inner_group_num + j)
    }
  }
  return x
}

/** LN(word + segment + position) [B, S, E]; relative positions enter the attention instead. */
const embed = (b: Builder, { input_ids, token_type_ids }: AlbertInputs, w: Weights, config: AlbertConfig): Value =>
  bertEmbeddings(b, input_ids, token_type_ids, w, {
    vocabulary: config.vocab_size,
    types: config.type_vocab_size,
    positions: config.position_embedding_type === 'absolute' ? config.max_position_embeddings : undefined,
    width: config.embedding_size,
    epsilon: config.layer_norm_eps,
  })

/** BERT's layer, but that relative positions are added to the scaled scores. */
const layer = (b: Builder, x: Value, keyMask: Value, w: Weights, config: AlbertConfig, index: number): Value =>
  postNormLayer(b, x, { keyMask }, w, { ...bertLayer(config, index), scaleRelative: false, names: layerNames })

/** The pooled first token [B, C]. */
export const pool = (b: Builder, x: Value, w: Weights, config: AlbertConfig): Value => pooler(b, x, w.at('pooler'), config.hidden_size)

/** Scores over the vocabulary [B, S, V], from vectors of the size of embeddings. */
export function predictWords(b: Builder, x: Value, w: Weights, config: AlbertConfig): Value {
  const { vocab_size, embedding_size } = config
  const head = w.at('predictions')
  return b.in(head.path, () =>
    maskedLanguageModelHead(b, x, {
      dense: head.at('dense'),
      norm: head.at('LayerNorm'),
      activation: config.hidden_act,
      epsilon: config.layer_norm_eps,
      table: head.tensor('decoder.weight', [vocab_size, embedding_size]),
      bias: head.tensor('decoder.bias', [vocab_size]),
    }),
  )
}

/** Whether two segments stand in their original order [B, labels]; class 0 says yes. */
export const predictOrder = (b: Builder, pooled: Value, w: Weights, labels: number): Value =>
  linear(b, pooled, w.at('sop_classifier.classifier'), labels)

/** Scores of classes over the pooled first token or over every token. */
export const classify = (b: Builder, x: Value, w: Weights, labels: number): Value => linear(b, x, w.at('classifier'), labels)

/** Scores of an answer's first and last token [B, S]. */
export const findAnswer = (b: Builder, x: Value, w: Weights): ReturnType<typeof answerSpan> => answerSpan(b, x, w.at('qa_outputs'))
