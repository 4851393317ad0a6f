import {
  answerSpan,
  type Builder,
  bertEmbeddings,
  bertLayer,
  linear,
  maskedLanguageModelHead,
  pooler,
  postNormLayer,
  type Value,
  type Weights,
} from '@silane/core'
import type { BertConfig } from './config.ts'

/**
 * The encoder of Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018), as transformers'
 * `modeling_bert.py` computes it. Shapes: B batch, S tokens, C hidden, V vocabulary.
 */
export interface BertInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
  /** int32 [B, S] */
  readonly token_type_ids: Value
}

/** Last hidden states [B, S, C]. */
export function encode(b: Builder, inputs: BertInputs, w: Weights, config: BertConfig): Value {
  let x = bertEmbeddings(b, inputs.input_ids, inputs.token_type_ids, w.at('embeddings'), {
    vocabulary: config.vocab_size,
    types: config.type_vocab_size,
    // Relative positions enter the attention instead.
    positions: config.position_embedding_type === 'absolute' ? config.max_position_embeddings : undefined,
    width: config.hidden_size,
    epsilon: config.layer_norm_eps,
  })
  for (let i = 0; i < config.num_hidden_layers; i++) {
    x = postNormLayer(b, x, { keyMask: inputs.attention_mask }, w.at('encoder.layer').at(i), bertLayer(config, i))
  }
  return x
}

/** The pooled first token [B, C]. */
export const pool = (b: Builder, x: Value, w: Weights, config: BertConfig): Value => pooler(b, x, w.at('pooler.dense'), config.hidden_size)

/** Scores over the vocabulary [B, S, V]; the output matrix is the word embeddings unless the configuration unties it. */
export function predictWords(b: Builder, x: Value, w: Weights, config: BertConfig, split: boolean): Value {
  const { vocab_size, hidden_size } = config
  const head = w.at('cls.predictions')
  const tied = config.tie_word_embeddings || !head.has('decoder.weight')
  return b.in(head.path, () =>
    maskedLanguageModelHead(b, x, {
      dense: head.at('transform.dense'),
      norm: head.at('transform.LayerNorm'),
      activation: config.hidden_act,
      epsilon: config.layer_norm_eps,
      table: tied
        ? w.tensor('embeddings.word_embeddings.weight', [vocab_size, hidden_size])
        : head.tensor('decoder.weight', [vocab_size, hidden_size]),
      // The bias is stored under both names, or either.
      bias: head.optional('bias', [vocab_size]) ?? head.tensor('decoder.bias', [vocab_size]),
      split,
    }),
  )
}

/** Whether the second sentence follows the first [B, 2]; class 0 says yes. */
export const predictNextSentence = (b: Builder, pooled: Value, w: Weights): Value => linear(b, pooled, w.at('cls.seq_relationship'), 2)

/** Scores of classes over the pooled first token or over every token. */
export const classify = (b: Builder, x: Value, w: Weights, labels: number): Value => linear(b, x, w.at('classifier'), labels)

/** Scores of an answer's first and last token [B, S]. */
export const findAnswer = (b: Builder, x: Value, w: Weights): { start_logits: Value; end_logits: Value } =>
  answerSpan(b, x, w.at('qa_outputs'))
