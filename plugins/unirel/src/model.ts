import { type Builder, type Output, packedLinear, perToken, postNormLayer, type Value, type Weights } from '@silane/core'
import { bertEmbeddings, bertLayer } from '@silane/plugin-bert/model'
import { HEADS_PER_MAP, SPANS, type UniRelConfig } from './config.ts'

/**
 * Tang et al., "UniRel: Unified Representation and Interaction for Joint Relational Triple Extraction" (2022), as
 * `model/model_transformers.py` of wtangdev/UniRel computes it. BERT reads a text followed by one token for each relation, and how
 * these attend to each other in its last layer is the answer: tokens to tokens are pairs of entities, tokens to relations are
 * subjects, relations to tokens are objects. Shapes: B batch, N tokens of text and relations, C hidden.
 */
export interface UniRelInputs {
  /** int32 [B, N]: the text, padded to its fixed length, then the relations */
  readonly input_ids: Value
  /** int32 [B, N], 1 for a token, 0 for padding and for the place of [SEP] */
  readonly attention_mask: Value
  /** int32 [B, N], 1 for relations */
  readonly token_type_ids: Value
}

/** The score of a masked column, in the transformers that UniRel asks for. Its sigmoid is 0, and it is finite in fp16. */
const MASKED = -10000

/** The interaction maps [B, N, N], values of a sigmoid. */
export function interactions(b: Builder, inputs: UniRelInputs, w: Weights, config: UniRelConfig): Readonly<Record<string, Output>> {
  const last = config.num_hidden_layers - 1
  const x = encode(b, inputs, w, config, last)
  const masked = maskedColumns(b, inputs.attention_mask, x)
  const attention = w.at('encoder.layer').at(last).at('attention.self')
  const map = (from: number, to: number): Output => perToken(interactionMap(b, x, masked, attention, config, from, to))
  const heads = config.num_attention_heads
  if (config.test_data_type !== SPANS) return { tail_scores: map(0, heads) }
  return {
    head_scores: map(0, HEADS_PER_MAP),
    tail_scores: map(HEADS_PER_MAP, 2 * HEADS_PER_MAP),
    span_scores: map(2 * HEADS_PER_MAP, heads),
  }
}

/** What BERT's layers before the last one give [B, N, C]. Of the last, scores are all that is used. */
function encode(b: Builder, { input_ids, attention_mask, token_type_ids }: UniRelInputs, w: Weights, config: UniRelConfig, layers: number) {
  let x = bertEmbeddings(b, input_ids, token_type_ids, w.at('embeddings'), {
    vocabulary: config.vocab_size,
    types: config.type_vocab_size,
    positions: config.max_position_embeddings,
    width: config.hidden_size,
    epsilon: config.layer_norm_eps,
  })
  for (let i = 0; i < layers; i++) {
    x = postNormLayer(b, x, { keyMask: attention_mask }, w.at('encoder.layer').at(i), bertLayer(config, i))
  }
  return x
}

/** (1 − mask) · −10000 [B, 1, N] */
function maskedColumns(b: Builder, mask: Value, like: Value): Value {
  const keep = b.cast({ x: mask, dtype: like.type.dtype })
  const dropped = b.mul({ x: b.sub({ x: b.scalar(1, like), y: keep }), y: b.scalar(MASKED, like) })
  return b.expand_dims({ x: dropped, axes: [1] })
}

/**
 * σ(mean over heads of (q·kᵀ/√d + mask)) [B, N, N] for the heads `from … to − 1`. The sum of the products of n heads of size d is one
 * product of size n·d, whose accumulator does what the mean of n maps would: Σₕ qₕ·kₕ = q[0 : n·d]·k[0 : n·d].
 */
function interactionMap(b: Builder, x: Value, masked: Value, w: Weights, config: UniRelConfig, from: number, to: number): Value {
  const { hidden_size, num_attention_heads } = config
  const size = hidden_size / num_attention_heads
  const heads = to - from
  const ofHeads = (name: string): Value => packedLinear(b, x, w.at(name), hidden_size, heads * size, from * size)
  return b.in(w.path, () => {
    const query = ofHeads('query')
    const scaled = b.mul({ x: query, y: b.scalar(1 / (heads * Math.sqrt(size)), query) })
    const scores = b.matmul({ x: scaled, y: ofHeads('key'), transpose_y: true })
    return b.sigmoid({ x: b.add({ x: scores, y: masked }) })
  })
}
