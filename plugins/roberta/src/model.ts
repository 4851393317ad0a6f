import {
  answerSpan,
  type Builder,
  embedding,
  firstRows,
  layerNorm,
  linear,
  maskedLanguageModelHead,
  pooler,
  positionsPastPadding,
  postNormLayer,
  project,
  type Value,
  type Weights,
} from '@silane/core'
import { bertLayer } from '@silane/plugin-bert/model'
import type { RobertaConfig } from './config.ts'
import { attentionMasks, type Mode } from './masks.ts'

export { type RobertaConfig, readRobertaConfig } from './config.ts'

/**
 * The encoder of Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019), as transformers'
 * `modeling_roberta.py` computes it: BERT with positions that skip padding and heads of its own. Shapes: B batch,
 * S tokens, C hidden, V vocabulary.
 */
export interface RobertaInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding; 2 for a token of the target in the mode encoder-decoder */
  readonly attention_mask: Value
  /** int32 [B, S]; without it every token is of type 0 */
  readonly token_type_ids?: Value | undefined
}

/** Last hidden states [B, S, C]. */
export function encode(b: Builder, inputs: RobertaInputs, w: Weights, config: RobertaConfig, mode: Mode): Value {
  const masks = attentionMasks(b, inputs.attention_mask, mode)
  let x = embed(b, inputs, w.at('embeddings'), config)
  for (let i = 0; i < config.num_hidden_layers; i++) x = postNormLayer(b, x, masks, w.at('encoder.layer').at(i), bertLayer(config, i))
  return x
}

/** LN(word + segment + position); relative positions enter the attention instead. */
function embed(b: Builder, { input_ids, token_type_ids }: RobertaInputs, w: Weights, config: RobertaConfig): Value {
  const { vocab_size, type_vocab_size, max_position_embeddings, hidden_size, pad_token_id } = config
  const words = embedding(b, input_ids, w.at('word_embeddings'), vocab_size, hidden_size)
  const segments = w.at('token_type_embeddings')
  const types = token_type_ids
    ? embedding(b, token_type_ids, segments, type_vocab_size, hidden_size)
    : firstRows(b, segments, type_vocab_size, hidden_size, 1)
  let x = b.add({ x: words, y: types })
  if (config.position_embedding_type === 'absolute') {
    const positions = positionsPastPadding(b, input_ids, pad_token_id)
    x = b.add({ x, y: embedding(b, positions, w.at('position_embeddings'), max_position_embeddings, hidden_size) })
  }
  return layerNorm(b, x, w.at('LayerNorm'), config.layer_norm_eps)
}

/** The pooled first token [B, C]. */
export const pool = (b: Builder, x: Value, w: Weights, config: RobertaConfig): Value =>
  pooler(b, x, w.at('pooler.dense'), config.hidden_size)

/** Scores over the vocabulary [B, S, V]. The activation is the exact GELU whatever the layers have. */
export function predictWords(b: Builder, x: Value, w: Weights, config: RobertaConfig): Value {
  const { vocab_size, hidden_size } = config
  const head = w.at('lm_head')
  return b.in(head.path, () =>
    maskedLanguageModelHead(b, x, {
      dense: head.at('dense'),
      norm: head.at('layer_norm'),
      activation: 'gelu',
      epsilon: config.layer_norm_eps,
      table: head.tensor('decoder.weight', [vocab_size, hidden_size]),
      bias: head.tensor('decoder.bias', [vocab_size]),
    }),
  )
}

/** Scores of the next token [B, S, V] as UniXcoder has them: the product with the word embeddings alone. */
export const predictNext = (b: Builder, x: Value, w: Weights, config: RobertaConfig): Value =>
  b.in('lm_head', () => project(b, x, wordTable(w, config), undefined))

const wordTable = (w: Weights, { vocab_size, hidden_size }: RobertaConfig) =>
  w.tensor('embeddings.word_embeddings.weight', [vocab_size, hidden_size])

/** Scores of classes [B, labels]: the first token through a tanh layer of the head's own, since these models have no pooler. */
export function classify(b: Builder, x: Value, w: Weights, config: RobertaConfig, labels: number): Value {
  const head = w.at('classifier')
  return linear(b, pooler(b, x, head.at('dense'), config.hidden_size), head.at('out_proj'), labels)
}

/** Scores of classes for every token [B, S, labels]. */
export const classifyTokens = (b: Builder, x: Value, w: Weights, labels: number): Value => linear(b, x, w.at('classifier'), labels)

/** A score for each row [B, 1], from the pooled first token. */
export const scoreAnswer = (b: Builder, x: Value, w: Weights, config: RobertaConfig): Value =>
  linear(b, pool(b, x, w, config), w.at('classifier'), 1)

/** Scores of an answer's first and last token [B, S]. */
export const findAnswer = (b: Builder, x: Value, w: Weights): ReturnType<typeof answerSpan> => answerSpan(b, x, w.at('qa_outputs'))
