import {
  type AttentionMasks,
  type Builder,
  embedding,
  firstRows,
  layerNorm,
  pooler,
  positionsPastPadding,
  postNormLayer,
  type Value,
  type Weights,
} from '@silane/core'
import { bertLayer } from '@silane/plugin-bert/model'
import type { GraphCodeBertConfig } from './config.ts'

/**
 * The encoder of Guo et al., "GraphCodeBERT: Pre-training Code Representations with Data Flow" (2020): RoBERTa, which
 * behind the tokens of the code may read the nodes of its data flow graph. As GraphCodeBERT/codesearch/model.py of
 * microsoft/CodeBERT computes it. Shapes: B batch, S tokens and nodes, C hidden.
 */
export interface CodeInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
}

export interface DataFlowInputs {
  /** int32 [B, S]: the code, then <unk> for each node, then padding */
  readonly input_ids: Value
  /** int32 [B, S]: 2, 3, … for tokens of the code, 0 for nodes, 1 for padding */
  readonly position_idx: Value
  /** int32 [B, S, S], 1 where row may attend to column: nodes to the tokens they stand for and to the nodes they come from … */
  readonly attention_mask: Value
}

/** Last hidden states [B, S, C] of code alone: what RoBERTa gives. */
export function encode(b: Builder, { input_ids, attention_mask }: CodeInputs, w: Weights, config: GraphCodeBertConfig): Value {
  const positions = positionsPastPadding(b, input_ids, config.pad_token_id)
  const x = embed(b, words(b, input_ids, w, config), positions, w.at('embeddings'), config)
  return layers(b, x, { keyMask: attention_mask }, w, config)
}

/** Last hidden states [B, S, C] of code with its data flow. A row of the mask may be empty; its attention is uniform then. */
export function encodeDataFlow(b: Builder, inputs: DataFlowInputs, w: Weights, config: GraphCodeBertConfig): Value {
  const x = nodesAsMeans(b, words(b, inputs.input_ids, w, config), inputs)
  return layers(b, embed(b, x, inputs.position_idx, w.at('embeddings'), config), { mask: inputs.attention_mask }, w, config)
}

/** The pooled first token [B, C]: the vector that code search compares. */
export const pool = (b: Builder, x: Value, w: Weights, config: GraphCodeBertConfig): Value =>
  pooler(b, x, w.at('pooler.dense'), config.hidden_size)

const words = (b: Builder, ids: Value, w: Weights, { vocab_size, hidden_size }: GraphCodeBertConfig): Value =>
  embedding(b, ids, w.at('embeddings.word_embeddings'), vocab_size, hidden_size)

/**
 * Word vectors, and for a node the mean of those of the tokens that it attends to: (A / ΣA)·W with A the rows of nodes and
 * the columns of tokens of the mask. Rows of other places, and of nodes whose tokens were cut off, are empty, and their
 * mean is 0: the original divides by ΣA + 1e-10, which is 0 in fp16, whereas max(ΣA, 1) is the same for whole numbers.
 */
function nodesAsMeans(b: Builder, x: Value, { position_idx, attention_mask }: DataFlowInputs): Value {
  const flags = (condition: Value, axis: number) => b.expand_dims({ x: b.cast({ x: condition, dtype: x.type.dtype }), axes: [axis] })
  const nodes = flags(b.equal({ x: position_idx, y: b.scalar(0, position_idx) }), 2)
  const tokens = flags(b.greater_equal({ x: position_idx, y: b.scalar(2, position_idx) }), 1)
  const seen = b.mul({ x: b.mul({ x: b.cast({ x: attention_mask, dtype: x.type.dtype }), y: tokens }), y: nodes })
  const count = b.maximum({ x: b.reduce_sum({ x: seen, axes: [2], keep_dims: true }), y: b.scalar(1, seen) })
  const means = b.matmul({ x: b.real_div({ x: seen, y: count }), y: x })
  return b.add({ x: b.mul({ x, y: b.sub({ x: b.scalar(1, nodes), y: nodes }) }), y: means })
}

/** LN(word + segment 0 + position) */
function embed(b: Builder, x: Value, positions: Value, w: Weights, config: GraphCodeBertConfig): Value {
  const { type_vocab_size, max_position_embeddings, hidden_size, layer_norm_eps } = config
  const typed = b.add({ x, y: firstRows(b, w.at('token_type_embeddings'), type_vocab_size, hidden_size, 1) })
  const placed = b.add({ x: typed, y: embedding(b, positions, w.at('position_embeddings'), max_position_embeddings, hidden_size) })
  return layerNorm(b, placed, w.at('LayerNorm'), layer_norm_eps)
}

const layers = (b: Builder, x: Value, masks: AttentionMasks, w: Weights, config: GraphCodeBertConfig): Value => {
  let y = x
  for (let i = 0; i < config.num_hidden_layers; i++) {
    y = postNormLayer(b, y, masks, w.at('encoder.layer').at(i), bertLayer(config, i))
  }
  return y
}
