import { type Builder, computedConstant, layerNorm, linear, type Output, packedLinear, type Value, type Weights } from '@silane/core'
import { type BertInputs, encode, pool } from '@silane/plugin-bert/model'
import type { RealmConfig } from './config.ts'

/**
 * Guu et al., "REALM: Retrieval-Augmented Language Model Pre-Training" (2020), as transformers' `modeling_realm.py` computes it. All parts
 * are a BERT with a head. Shapes: B batch, S tokens, P projected size, N candidates of a question, K passages to read, F span size,
 * J spans.
 */

/** The vector by which a question finds its passages, and a passage its questions. [B, S] → [B, P] (`RealmEmbedder`) */
export function project(b: Builder, inputs: BertInputs, w: Weights, config: RealmConfig): Value {
  const backbone = w.at('realm')
  const pooled = pool(b, encode(b, inputs, backbone, config), backbone, config)
  const projected = linear(b, pooled, w.at('cls.dense'), config.retriever_proj_size)
  return layerNorm(b, projected, w.at('cls.LayerNorm'), config.layer_norm_eps)
}

/**
 * The products of each question [B, P] with its candidates [B·N, P] → [B, N] (`RealmScorer`). They decide an order, and can reach hundreds,
 * where the steps of fp16 are a quarter wide: exact.
 */
export const relevance = (b: Builder, questions: Value, candidates: Value): Value =>
  b.exact(() => {
    const [batch, width] = questions.type.shape as [number, number]
    const each = (candidates.type.shape[0] as number) / batch
    const rows = b.reshape({ x: candidates, shape: [batch, each, width] })
    return b.squeeze({ x: b.matmul({ x: rows, y: b.expand_dims({ x: questions, axes: [2] }) }), axes: [2] })
  })

/** Passages to read for one question, each behind it in a row. */
export interface ReaderInputs extends BertInputs {
  /** How well each passage goes with the question, [K]. */
  readonly relevance_score: Value
  /** int32 [K, S], 1 where a token is of the passage. */
  readonly block_mask: Value
}

/** What a span that is not in its passage scores: the lowest float, which swallows whatever is added to it. */
export const NO_ANSWER = -3.4028234663852886e38

/** Scores of all spans [K, J], `NO_ANSWER` for those that do not begin and end in their passage. (`RealmReader`) */
export function scoreSpans(b: Builder, inputs: ReaderInputs, w: Weights, config: RealmConfig): Value {
  const { span_hidden_size: size, max_span_width: widest } = config
  const x = encode(b, inputs, w.at('realm'), config)
  const head = w.at('qa_outputs')
  const side = (from: number): Value => packedLinear(b, x, head.at('dense_intermediate'), 2 * size, size, from)
  const spans = ofSpans(b, side(0), side(size), widest, (first, last) => b.add({ x: first, y: last }))
  const normed = layerNorm(b, b.relu({ x: spans }), head.at('layer_normalization'), config.reader_layer_norm_eps)
  const scores = b.squeeze({ x: linear(b, normed, head.at('dense_output'), 1), axes: [2] })
  const { block_mask } = inputs
  const inside = ofSpans(b, block_mask, block_mask, widest, (first, last) => b.mul({ x: first, y: last }))
  // Answers are far apart by relevance and near by their spans: the sum keeps what fp16 would not.
  return b.exact(() => {
    const relevant = b.add({ x: scores, y: b.expand_dims({ x: inputs.relevance_score, axes: [1] }) })
    return b.select({ cond: b.not_equal({ x: inside, y: b.scalar(0, inside) }), a: relevant, b: b.scalar(NO_ANSWER, relevant) })
  })
}

/**
 * What is made of the first and the last token of every span: those of one token, then of two, up to `widest`, each by its place.
 * [K, S, …] and [K, S, …] → [K, J, …]
 */
function ofSpans(b: Builder, firsts: Value, lasts: Value, widest: number, combine: (first: Value, last: Value) => Value): Value {
  const length = firsts.type.shape[1] as number
  const rows = (x: Value, from: number, to: number): Value => {
    const { shape } = x.type
    return b.slice_by_index({ x, begin: shape.map((_, axis) => (axis === 1 ? from : 0)), end: shape.with(1, to) })
  }
  const values = widths(widest).map(width => combine(rows(firsts, 0, length - width + 1), rows(lasts, width - 1, length)))
  return b.concat({ values, axis: 1 })
}

const widths = (widest: number): number[] => Array.from({ length: widest }, (_, at) => at + 1)

/** The best span of all passages, by the passage that has it, its number and its places: scores [K, J] of spans over S tokens → four int32 [1]. */
export function bestSpan(b: Builder, scores: Value, length: number, widest: number): Readonly<Record<string, Output>> {
  const best = (axis: number): Value =>
    b.exact(() => b.reduce_argmax({ x: b.reduce_max({ x: scores, axes: [1 - axis] }), axis: 0, keep_dims: true }))
  const candidate = best(1)
  const spans = widths(widest).flatMap(width =>
    Array.from({ length: length - width + 1 }, (_, first) => [first, first + width - 1] as const),
  )
  const place = (end: 0 | 1, name: string): Value => {
    const table = computedConstant('int32', [spans.length], `${name} of spans up to ${widest} in ${length}`, at => spans[at]?.[end] ?? 0)
    return b.gather({ x: b.constant(table), indices: candidate, axis: 0 })
  }
  return {
    block_idx: { value: best(0), best: { of: 'reader_logits', axis: 0 } },
    candidate: { value: candidate, best: { of: 'reader_logits', axis: 1 } },
    start_pos: { value: place(0, 'first'), follows: 'candidate' },
    end_pos: { value: place(1, 'last'), follows: 'candidate' },
  }
}
