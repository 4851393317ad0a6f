import {
  answerSpan,
  type Builder,
  layerNorm,
  linear,
  maskedLanguageModelHead,
  packedLinear,
  pooler,
  type Value,
  type Weights,
} from '@silane/core'
import { bertEmbeddings } from '@silane/plugin-bert/model'
import { alibi } from './alibi.ts'
import type { MosaicBertConfig } from './config.ts'

/**
 * The encoder of Portes et al., "MosaicBERT: A Bidirectional Encoder Optimized for Fast Pretraining" (2023), as `bert_layers.py` of
 * mosaicml/examples computes it: BERT with ALiBi in place of positions, and gated feed-forward layers.
 * Shapes: B batch, S tokens, C hidden, V vocabulary.
 */
export interface MosaicBertInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
  /** int32 [B, S] */
  readonly token_type_ids: Value
}

/** What a masked score gets. */
const MASKED = -10000

/** The epsilon of the norm in the head of the masked language model, whatever the configuration says. */
const HEAD_EPSILON = 1e-12

interface AttentionBias {
  /** [B, S], 1 where a token may be attended to. */
  readonly keyMask: Value
  /** [1, heads, S, S] */
  readonly distance: Value
}

/** Last hidden states [B, S, C]. The original takes padding out before the layers and puts zeros in its place behind them. */
export function encode(b: Builder, inputs: MosaicBertInputs, w: Weights, config: MosaicBertConfig): Value {
  const { input_ids, attention_mask, token_type_ids } = inputs
  // A constant, so that the lowering can join it with the mask once for all layers: the ANE then sees a single addition per head.
  const distance = b.constant(alibi(config.num_attention_heads, input_ids.type.shape[1] as number))
  let x = bertEmbeddings(b, input_ids, token_type_ids, w.at('embeddings'), {
    vocabulary: config.vocab_size,
    types: config.type_vocab_size,
    positions: undefined,
    width: config.hidden_size,
    epsilon: config.layer_norm_eps,
  })
  for (let i = 0; i < config.num_hidden_layers; i++) {
    x = layer(b, x, { keyMask: attention_mask, distance }, w.at('encoder.layer').at(i), config)
  }
  const shown = b.expand_dims({ x: b.cast({ x: attention_mask, dtype: x.type.dtype }), axes: [2] })
  return b.mul({ x, y: shown })
}

/**
 *     a = LN(attention(x)·Wo + x)
 *     y = LN((gelu(a·W1) ⊙ (a·W2))·W3 + a)
 */
function layer(b: Builder, x: Value, bias: AttentionBias, w: Weights, config: MosaicBertConfig): Value {
  const { hidden_size, layer_norm_eps } = config
  return b.in(w.path, () => {
    const attended = linear(b, selfAttention(b, x, bias, w.at('attention.self.Wqkv'), config), w.at('attention.output.dense'), hidden_size)
    const a = layerNorm(b, b.add({ x: attended, y: x }), w.at('attention.output.LayerNorm'), layer_norm_eps)
    const y = linear(b, gate(b, a, w.at('mlp.gated_layers'), config), w.at('mlp.wo'), hidden_size)
    return layerNorm(b, b.add({ x: y, y: a }), w.at('mlp.layernorm'), layer_norm_eps)
  })
}

/**
 * softmax(q·kᵀ/√d − slope·|i − j| + mask)·v over the heads. Queries, keys and values are stored in one matrix, in thirds; they are
 * three layers here, as Apple found faster on the ANE than one threefold layer and a split: each fits its cache better.
 */
function selfAttention(b: Builder, x: Value, { keyMask, distance }: AttentionBias, w: Weights, config: MosaicBertConfig): Value {
  const { hidden_size: width, num_attention_heads: heads } = config
  const third = (i: number): Value => packedLinear(b, x, w, 3 * width, width, i * width)
  return b.attention({
    query: third(0),
    key: third(1),
    value: third(2),
    key_mask: keyMask,
    bias: distance,
    heads,
    scale: 1 / Math.sqrt(width / heads),
    masked: MASKED,
  })
}

/** gelu(x·W1) ⊙ (x·W2), always with the exact gelu. W1 and W2 are the halves of one matrix, and two layers here for the same reason. */
function gate(b: Builder, x: Value, w: Weights, { intermediate_size: width }: MosaicBertConfig): Value {
  const half = (i: number): Value => packedLinear(b, x, w, 2 * width, width, i * width, { bias: false })
  return b.mul({ x: b.gelu({ x: half(0), mode: 'EXACT' }), y: half(1) })
}

/** The pooled first token [B, C]. */
export const pool = (b: Builder, x: Value, w: Weights, config: MosaicBertConfig): Value =>
  pooler(b, x, w.at('pooler.dense'), config.hidden_size)

/** Scores over the vocabulary [B, S, V]. */
export function predictWords(b: Builder, x: Value, w: Weights, config: MosaicBertConfig): Value {
  const { vocab_size, hidden_size } = config
  const head = w.at('cls.predictions')
  return b.in(head.path, () =>
    maskedLanguageModelHead(b, x, {
      dense: head.at('transform.dense'),
      norm: head.at('transform.LayerNorm'),
      activation: config.hidden_act,
      epsilon: HEAD_EPSILON,
      table: head.tensor('decoder.weight', [vocab_size, hidden_size]),
      bias: head.tensor('decoder.bias', [vocab_size]),
    }),
  )
}

/** Scores of classes over the pooled first token or over every token. */
export const classify = (b: Builder, x: Value, w: Weights, labels: number): Value => linear(b, x, w.at('classifier'), labels)

/** Scores of an answer's first and last token [B, S]. */
export const findAnswer = (b: Builder, x: Value, w: Weights): ReturnType<typeof answerSpan> => answerSpan(b, x, w.at('qa_outputs'))
