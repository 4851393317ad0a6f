import { type Builder, embedding, firstRows, layerNorm, type PostNormNames, postNormLayer, type Value, type Weights } from '@silane/core'
import type { ModelConfig } from './config.ts'

/**
 * The encoder of Rothe, Narayan and Severyn, "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks" (2020), as transformers'
 * `modeling_bert_generation.py` computes it: BERT without segments and without a pooler. Shapes: B batch, S tokens, C hidden.
 */
export interface ModelInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
}

/** Where a layer keeps its modules. */
const layerNames: PostNormNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
}

/** Last hidden states [B, S, C]. */
export function encode(b: Builder, inputs: ModelInputs, w: Weights, config: ModelConfig): Value {
  let x = embed(b, inputs, w.at('embeddings'), config)
  for (let i = 0; i < config.num_hidden_layers; i++) {
    x = postNormLayer(b, x, { keyMask: inputs.attention_mask }, w.at('encoder.layer').at(i), {
      hidden: config.hidden_size,
      heads: config.num_attention_heads,
      headSize: config.hidden_size / config.num_attention_heads,
      intermediate: config.intermediate_size,
      activation: config.hidden_act,
      epsilon: config.layer_norm_eps,
      positions: config.position_embedding_type,
      maxPositions: config.max_position_embeddings,
      names: layerNames,
    })
  }
  return x
}

/** LN(word + position): [B, S] → [B, S, C] */
function embed(b: Builder, { input_ids }: ModelInputs, w: Weights, config: ModelConfig): Value {
  const { vocab_size, max_position_embeddings, hidden_size, layer_norm_eps } = config
  const words = embedding(b, input_ids, w.at('word_embeddings'), vocab_size, hidden_size)
  const length = input_ids.type.shape[1] as number
  const positions = firstRows(b, w.at('position_embeddings'), max_position_embeddings, hidden_size, length)
  return layerNorm(b, b.add({ x: words, y: positions }), w.at('LayerNorm'), layer_norm_eps)
}
