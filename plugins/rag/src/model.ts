import { answerSpan, type Builder, computedConstant, firstToken, linear, type Output, type Value, type Weights } from '@silane/core'
import { encode } from '@silane/plugin-bert/model'
import type { DprConfig } from './config.ts'

/**
 * The encoders and the reader of Karpukhin et al., "Dense Passage Retrieval for Open-Domain Question Answering" (2020), as
 * transformers' `modeling_dpr.py` computes them: BERT without its pooler. Shapes: B batch, S tokens, C hidden.
 */
export interface DprInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S] */
  readonly attention_mask: Value
  /** int32 [B, S]; every token is of segment 0 where there is none. */
  readonly token_type_ids?: Value
}

/** Last hidden states [B, S, C]. */
function read(b: Builder, inputs: DprInputs, w: Weights, config: DprConfig): Value {
  const { input_ids, token_type_ids } = inputs
  const first = (): Value => b.constant(computedConstant('int32', input_ids.type.shape, 'segment 0', () => 0))
  return encode(b, { ...inputs, token_type_ids: token_type_ids ?? first() }, w.at('bert_model'), config)
}

/** The vector of a question or of a document: its first token, projected where the configuration says so. [B, C or projection_dim] */
export function vector(b: Builder, inputs: DprInputs, w: Weights, config: DprConfig): Value {
  const x = firstToken(b, read(b, inputs, w, config))
  return config.projection_dim > 0 ? linear(b, x, w.at('encode_proj'), config.projection_dim) : x
}

interface Found {
  /** [B, S] each */
  readonly start_logits: Output
  readonly end_logits: Output
  /** How well each passage answers the question, [B]. */
  readonly relevance_logits: Output
}

/** Where passages answer their question, and how well each does. */
export function findAnswer(b: Builder, inputs: DprInputs, w: Weights, config: DprConfig): Found {
  const x = read(b, inputs, w.at('encoder'), config)
  const relevance = linear(b, firstToken(b, x), w.at('qa_classifier'), 1)
  return { ...answerSpan(b, x, w.at('qa_outputs')), relevance_logits: b.squeeze({ x: relevance, axes: [1] }) }
}
