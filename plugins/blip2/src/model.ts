import {
  activate,
  type Builder,
  computedConstant,
  embedding,
  firstRows,
  firstToken,
  layerNorm,
  linear,
  normalize,
  type Value,
  type Weights,
} from '@silane/core'
import type { Blip2Config, QFormerConfig } from './config.ts'

/**
 * The Q-Former of Li et al., "BLIP-2: Bootstrapping Language-Image Pre-training with Frozen Image Encoders and Large Language Models"
 * (2023), as transformers' `modeling_blip_2.py` computes it: learned queries look at a picture, and at a text where there is one. `w` are
 * the tensors of the whole model. Shapes: N tokens of a picture, D their width, Q queries, S words, C width of queries and words.
 */

/** What a layer of the Q-Former reads and gives. */
interface Tokens {
  /** [1, Q, C] */
  readonly queries?: Value | undefined
  /** [1, S, C] */
  readonly words?: Value | undefined
}

/** Queries and words as one sequence: they attend to each other. [1, Q + S, C] */
function together(b: Builder, { queries, words }: Tokens): Value {
  if (queries && words) return b.concat({ values: [queries, words], axis: 1 })
  const one = queries ?? words
  if (!one) throw new TypeError('there are neither queries nor words')
  return one
}

/** The rows `from … to − 1` of [1, rows, C]. */
const rowsOf = (b: Builder, x: Value, from: number, to: number): Value =>
  from === 0 && to === x.type.shape[1] ? x : b.slice_by_index({ x, begin: [0, from, 0], end: [1, to, x.type.shape[2] as number] })

/** The same sequence apart again. */
function apart(b: Builder, x: Value, { queries, words }: Tokens): Tokens {
  const count = queries?.type.shape[1] ?? 0
  const length = x.type.shape[1] as number
  return { queries: queries && rowsOf(b, x, 0, count), words: words && rowsOf(b, x, count, length) }
}

/** LN(dense(y) + x) */
const added = (b: Builder, y: Value, to: Value, w: Weights, { hidden_size, layer_norm_eps }: QFormerConfig): Value =>
  layerNorm(b, b.add({ x: linear(b, y, w.at('dense'), hidden_size), y: to }), w.at('LayerNorm'), layer_norm_eps)

/** LN(dense(attention(x, of)) + x), of x itself or of a picture. x [1, T, C] → [1, T, C] */
function attend(b: Builder, x: Value, of: Value, keyMask: Value | undefined, w: Weights, config: QFormerConfig): Value {
  const { hidden_size: width, num_attention_heads: heads } = config
  const project = (from: Value, name: string): Value => linear(b, from, w.at('attention').at(name), width)
  const mixed = b.attention({
    query: project(x, 'query'),
    key: project(of, 'key'),
    value: project(of, 'value'),
    key_mask: keyMask,
    heads,
    scale: 1 / Math.sqrt(width / heads),
  })
  return added(b, mixed, x, w.at('output'), config)
}

/** LN(out(act(inner(x))) + x) */
function feedForward(b: Builder, x: Value, inner: Weights, output: Weights, config: QFormerConfig): Value {
  const { intermediate_size, hidden_act } = config
  return added(b, activate(b, hidden_act, linear(b, x, inner.at('dense'), intermediate_size)), x, output, config)
}

/** The layer with this number. Queries look at the picture in some of them, and have a feed-forward layer of their own. */
function layer(
  b: Builder,
  tokens: Tokens,
  index: number,
  keyMask: Value | undefined,
  picture: Value | undefined,
  w: Weights,
  config: QFormerConfig,
): Tokens {
  const at = w.at('qformer.encoder.layer').at(index)
  return b.in(at.path, () => {
    const x = together(b, tokens)
    const { queries, words } = apart(b, attend(b, x, x, keyMask, at.at('attention'), config), tokens)
    const looks = picture && index % config.cross_attention_frequency === 0
    const looked = queries && looks ? attend(b, queries, picture, undefined, at.at('crossattention'), config) : queries
    return {
      queries: looked && feedForward(b, looked, at.at('intermediate_query'), at.at('output_query'), config),
      words: words && feedForward(b, words, at.at('intermediate'), at.at('output'), config),
    }
  })
}

function encode(
  b: Builder,
  start: Tokens,
  keyMask: Value | undefined,
  picture: Value | undefined,
  w: Weights,
  config: QFormerConfig,
): Tokens {
  let tokens = apart(b, layerNorm(b, together(b, start), w.at('qformer.layernorm'), config.layer_norm_eps), start)
  for (let index = 0; index < config.num_hidden_layers; index++) tokens = layer(b, tokens, index, keyMask, picture, w, config)
  return tokens
}

const learned = (b: Builder, w: Weights, { num_query_tokens, qformer }: Blip2Config): Value =>
  b.constant(w.tensor('query_tokens', [1, num_query_tokens, qformer.hidden_size]))

/** Word + position; queries have no position. ids int32 [1, S] → [1, S, C] */
function embed(b: Builder, ids: Value, w: Weights, { vocab_size, hidden_size, max_position_embeddings: rows }: QFormerConfig): Value {
  const at = w.at('embeddings')
  const places = firstRows(b, at.at('position_embeddings'), rows, hidden_size, ids.type.shape[1] as number)
  return b.add({ x: embedding(b, ids, at.at('word_embeddings'), vocab_size, hidden_size), y: places })
}

/** What the queries found in a picture. [1, N, D] → [1, Q, C] */
export function query(b: Builder, picture: Value, w: Weights, config: Blip2Config): Value {
  return together(b, encode(b, { queries: learned(b, w, config) }, undefined, picture, w, config.qformer))
}

/** A text that is read without queries. ids, mask int32 [1, S] → [1, S, C] */
export function read(b: Builder, ids: Value, mask: Value, w: Weights, { qformer }: Blip2Config): Value {
  return together(b, encode(b, { words: embed(b, ids, w, qformer) }, mask, undefined, w, qformer))
}

/** Whether a text goes with a picture, [no, yes]: the mean over the queries, which read both. ids, mask int32 [1, S], picture [1, N, D] → [1, 2] */
export function match(b: Builder, ids: Value, mask: Value, picture: Value, w: Weights, config: Blip2Config): Value {
  const count = config.num_query_tokens
  const all = b.concat({ values: [b.constant(computedConstant('int32', [1, count], 'ones', () => 1)), mask], axis: 1 })
  const start = { queries: learned(b, w, config), words: embed(b, ids, w, config.qformer) }
  const { queries } = encode(b, start, all, picture, w, config.qformer)
  const scores = linear(b, together(b, { queries }), w.at('itm_head'), 2)
  return b.reduce_mean({ x: scores, axes: [1] })
}

/** Queries as the language model's vectors. [1, Q, C] → [1, Q, width] */
export const speak = (b: Builder, queries: Value, w: Weights, width: number): Value =>
  linear(b, queries, w.at('language_projection'), width)

/** Every query as a vector of length 1 in the space that pictures and texts share. [1, Q, C] → [1, Q, E] */
export const comparedQueries = (b: Builder, queries: Value, w: Weights, { image_text_hidden_size }: Blip2Config): Value =>
  normalize(b, linear(b, queries, w.at('vision_projection'), image_text_hidden_size))

/** A text's first token in the same space. [1, S, C] → [1, E] */
export const comparedText = (b: Builder, words: Value, w: Weights, { image_text_hidden_size }: Blip2Config): Value =>
  normalize(b, linear(b, firstToken(b, words), w.at('text_projection'), image_text_hidden_size))
