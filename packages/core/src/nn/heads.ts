import type { Builder, Output } from '../builder.ts'
import type { Constant } from '../constant.ts'
import type { Value } from '../graph/graph.ts'
import { activate } from './activation.ts'
import { firstToken, layerNorm, linear, project } from './layers.ts'
import { perToken } from './ports.ts'
import type { Weights } from './weights.ts'

/** tanh of a linear layer over the first token (transformers `BertPooler`). [B, S, C] → [B, C] */
export const pooler = (b: Builder, x: Value, w: Weights, width: number): Value =>
  b.in(w.path, () => b.tanh({ x: linear(b, firstToken(b, x), w, width) }))

export interface MaskedLanguageModelHead {
  readonly dense: Weights
  readonly norm: Weights
  readonly activation: string
  readonly epsilon: number
  /** [V, width], the word embeddings where they are tied. */
  readonly table: Constant
  readonly bias: Constant | undefined
}

/** LN(act(x·W)) · tableᵀ + bias: scores over the vocabulary for every token. [B, S, C] → [B, S, V] */
export function maskedLanguageModelHead(b: Builder, x: Value, head: MaskedLanguageModelHead): Value {
  const width = head.table.shape[1] as number
  const inner = activate(b, head.activation, linear(b, x, head.dense, width))
  return project(b, layerNorm(b, inner, head.norm, head.epsilon), head.table, head.bias)
}

/** The start and end scores of an answer: the two columns of a linear layer. [B, S, C] → two [B, S] */
export function answerSpan(b: Builder, x: Value, w: Weights): { readonly start_logits: Output; readonly end_logits: Output } {
  const [start, end] = b.split({ x: linear(b, x, w, 2), axis: -1, split_sizes: [1, 1] })
  const column = (scores: Value | undefined): Output => perToken(b.squeeze({ x: scores as Value, axes: [-1] }))
  return { start_logits: column(start), end_logits: column(end) }
}
