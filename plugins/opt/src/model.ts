import {
  activate,
  type Builder,
  type Constant,
  type DecoderAttention,
  embedding,
  layerNorm,
  linear,
  positionsPastPadding,
  sequenceAttention,
  sliceConstant,
  type TiedNames,
  type Value,
  type Weights,
} from '@silane/core'
import type { OptConfig } from './config.ts'

export { type OptConfig, readOptConfig } from './config.ts'

/**
 * The decoder of Zhang et al., "OPT: Open Pre-trained Transformer Language Models" (2022), as transformers' `modeling_opt.py` computes
 * it. Shapes: B batch, S tokens, E width of the word embeddings, C width of the layers, V vocabulary. `w` are the tensors of the
 * decoder, `model.decoder` in a file.
 */

/** torch's default for LayerNorm, which no configuration changes. */
const EPSILON = 1e-5

/** The first rows of the position table stood for padding in fairseq: position 0 is row 2. */
const OFFSET = 2

const norm = (b: Builder, x: Value, w: Weights, { layer_norm_elementwise_affine: affine }: OptConfig): Value =>
  affine ? layerNorm(b, x, w, EPSILON) : b.in(w.path, () => b.layer_norm({ x, axes: [-1], epsilon: EPSILON }))

/** x·Wᵀ + bias; where the configuration takes the biases away, none of the file is taken. */
const project = (b: Builder, x: Value, w: Weights, out: number, { enable_bias }: OptConfig): Value =>
  linear(b, x, w, out, { bias: enable_bias })

/** Word vectors. ids int32 [B, S] → [B, S, E] */
export const embedWords = (b: Builder, ids: Value, w: Weights, { vocab_size, word_embed_proj_dim }: OptConfig): Value =>
  embedding(b, ids, w.at('embed_tokens'), vocab_size, word_embed_proj_dim)

/** What the layers read: word vectors [B, S, E], taken to their width, and the row of each position int32 [B, S] of the table. [B, S, C] */
function embedRows(
  b: Builder,
  words: Value,
  table: Constant,
  rows: Value,
  w: Weights,
  { word_embed_proj_dim, hidden_size }: OptConfig,
): Value {
  const x = word_embed_proj_dim === hidden_size ? words : linear(b, words, w.at('project_in'), hidden_size, { bias: false })
  return b.in(w.at('embed_positions').path, () => b.add({ x, y: b.gather({ x: b.constant(table), indices: rows, axis: 0 }) }))
}

const positionTable = (w: Weights, { max_position_embeddings, hidden_size }: OptConfig): Constant =>
  w.at('embed_positions').tensor('weight', [max_position_embeddings + OFFSET, hidden_size])

/** Word vectors at positions 0, 1, 2 … [1, S, E], int32 [1, S] → [1, S, C] */
export function embed(b: Builder, words: Value, positions: Value, w: Weights, config: OptConfig): Value {
  const rows = config.max_position_embeddings + OFFSET
  return embedRows(b, words, sliceConstant(positionTable(w, config), 0, OFFSET, rows), positions, w, config)
}

/** The layer with this number: attention and feed-forward layer, each with a norm before it, or after its sum. [B, S, C] → [B, S, C] */
export function layer(
  b: Builder,
  x: Value,
  index: number,
  attention: Pick<DecoderAttention, 'self'>,
  w: Weights,
  config: OptConfig,
): Value {
  const { hidden_size: width, num_attention_heads: heads, ffn_dim, activation_function, do_layer_norm_before: before } = config
  const at = w.at('layers').at(index)
  const around = (start: Value, name: string, inner: (y: Value) => Value): Value => {
    const normal = (y: Value): Value => norm(b, y, at.at(name), config)
    return before ? b.add({ x: start, y: inner(normal(start)) }) : normal(b.add({ x: start, y: inner(start) }))
  }
  return b.in(at.path, () => {
    const attended = around(x, 'self_attn_layer_norm', y => {
      const of = (name: string): Value => project(b, y, at.at('self_attn').at(name), width, config)
      const mixed = attention.self(index, {
        query: of('q_proj'),
        key: of('k_proj'),
        value: of('v_proj'),
        heads,
        scale: 1 / Math.sqrt(width / heads),
      })
      return project(b, mixed, at.at('self_attn.out_proj'), width, config)
    })
    return around(attended, 'final_layer_norm', y =>
      project(b, activate(b, activation_function, project(b, y, at.at('fc1'), ffn_dim, config)), at.at('fc2'), width, config),
    )
  })
}

/** What comes after the layers: a norm, where the layers have theirs before, and the way back to the width of the embeddings. [B, S, E] */
export function finish(b: Builder, x: Value, w: Weights, config: OptConfig): Value {
  const { do_layer_norm_before, _remove_final_layer_norm, word_embed_proj_dim, hidden_size } = config
  const normal = do_layer_norm_before && !_remove_final_layer_norm ? norm(b, x, w.at('final_layer_norm'), config) : x
  return word_embed_proj_dim === hidden_size ? normal : linear(b, normal, w.at('project_out'), word_embed_proj_dim, { bias: false })
}

/** Last hidden states of a whole sequence. inputIds, attentionMask int32 [B, S] → [B, S, E]. Positions count the tokens that the mask shows; padding takes the row before. */
export function encode(b: Builder, inputIds: Value, attentionMask: Value, w: Weights, config: OptConfig): Value {
  // Row of position p is p + 2, and −1 for padding: with c counting from 1, and 0 for padding, row c of the table from row 1 on.
  const table = sliceConstant(positionTable(w, config), 0, OFFSET - 1, config.max_position_embeddings + OFFSET)
  const rows = positionsPastPadding(b, attentionMask, 0)
  let x = embedRows(b, embedWords(b, inputIds, w, config), table, rows, w, config)
  const attention = sequenceAttention(b, { keyMask: attentionMask })
  for (let index = 0; index < config.num_hidden_layers; index++) x = layer(b, x, index, attention, w, config)
  return finish(b, x, w, config)
}

/** The output matrix [V, E]. `head` is the tensors beside the decoder's. */
export const vocabulary = (head: Weights, { vocab_size, word_embed_proj_dim }: OptConfig): Constant =>
  head.tensor('lm_head.weight', [vocab_size, word_embed_proj_dim])

/** What `head` has under two names. */
export const tied = ({ tie_word_embeddings }: OptConfig): readonly TiedNames[] =>
  tie_word_embeddings ? [['decoder.embed_tokens.weight', 'lm_head.weight']] : []
