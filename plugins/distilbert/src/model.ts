import {
  answerSpan,
  type Builder,
  embedding,
  firstRows,
  firstToken,
  layerNorm,
  linear,
  maskedLanguageModelHead,
  type PostNormNames,
  postNormLayer,
  type Value,
  type Weights,
} from '@silane/core'
import type { DistilBertConfig } from './config.ts'

/**
 * The encoder of Sanh et al., "DistilBERT, a distilled version of BERT" (2019), as transformers' `modeling_distilbert.py`
 * computes it: BERT without segments and without a pooler. Shapes: B batch, S tokens, C hidden, V vocabulary.
 */
export interface DistilBertInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
}

/** The epsilon of every norm, which the configuration does not have. */
const EPSILON = 1e-12

const layerNames: PostNormNames = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  attentionOutput: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  intermediate: 'ffn.lin1',
  output: 'ffn.lin2',
  outputNorm: 'output_layer_norm',
}

/** Last hidden states [B, S, C]. */
export function encode(b: Builder, inputs: DistilBertInputs, w: Weights, config: DistilBertConfig): Value {
  let x = embed(b, inputs, w.at('embeddings'), config)
  for (let i = 0; i < config.n_layers; i++) x = layer(b, x, inputs.attention_mask, w.at('transformer.layer').at(i), config, i)
  return x
}

/** LN(word + position). `sinusoidal_pos_embds` says how the positions began; they are stored either way. */
function embed(b: Builder, { input_ids }: DistilBertInputs, w: Weights, config: DistilBertConfig): Value {
  const { vocab_size, max_position_embeddings, dim } = config
  const words = embedding(b, input_ids, w.at('word_embeddings'), vocab_size, dim)
  const positions = firstRows(b, w.at('position_embeddings'), max_position_embeddings, dim, input_ids.type.shape[1] as number)
  return layerNorm(b, b.add({ x: words, y: positions }), w.at('LayerNorm'), EPSILON)
}

function layer(b: Builder, x: Value, keyMask: Value, w: Weights, config: DistilBertConfig, index: number): Value {
  const pruned = config.pruned_heads[index]?.length ?? 0
  return postNormLayer(b, x, { keyMask }, w, {
    hidden: config.dim,
    heads: config.n_heads - pruned,
    headSize: config.dim / config.n_heads,
    intermediate: config.hidden_dim,
    activation: config.activation,
    epsilon: EPSILON,
    positions: 'absolute',
    maxPositions: config.max_position_embeddings,
    names: layerNames,
  })
}

/** Scores over the vocabulary [B, S, V]. */
export function predictWords(b: Builder, x: Value, w: Weights, config: DistilBertConfig): Value {
  const { vocab_size, dim } = config
  return b.in('vocab_projector', () =>
    maskedLanguageModelHead(b, x, {
      dense: w.at('vocab_transform'),
      norm: w.at('vocab_layer_norm'),
      activation: config.activation,
      epsilon: EPSILON,
      table: w.tensor('vocab_projector.weight', [vocab_size, dim]),
      bias: w.tensor('vocab_projector.bias', [vocab_size]),
    }),
  )
}

/** Scores of classes [B, labels]: the first token through a layer with ReLU, where BERT's pooler has tanh. */
export function classify(b: Builder, x: Value, w: Weights, config: DistilBertConfig, labels: number): Value {
  const pooled = b.relu({ x: linear(b, firstToken(b, x), w.at('pre_classifier'), config.dim) })
  return linear(b, pooled, w.at('classifier'), labels)
}

/** Scores of classes for every token [B, S, labels]. */
export const classifyTokens = (b: Builder, x: Value, w: Weights, labels: number): Value => linear(b, x, w.at('classifier'), labels)

/** Scores of an answer's first and last token [B, S]. */
export const findAnswer = (b: Builder, x: Value, w: Weights): ReturnType<typeof answerSpan> => answerSpan(b, x, w.at('qa_outputs'))
