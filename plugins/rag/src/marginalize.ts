import { logSoftmax } from '@silane/core'

/** ln Σ exp, without overflow. */
function logSumExp(values: readonly number[]): number {
  const most = values.reduce((found, value) => Math.max(found, value), Number.NEGATIVE_INFINITY)
  if (most === Number.NEGATIVE_INFINITY) return most
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0))
}

/** ln of how likely each document is, from its inner product with the question. */
function documentLogProbs(docScores: readonly number[], documents: number): readonly number[] {
  if (documents === 0 || docScores.length !== documents) throw new RangeError(`${docScores.length} doc scores for ${documents} documents`)
  const total = logSumExp(docScores)
  return docScores.map(score => score - total)
}

/**
 * RAG-token (Lewis et al. 2020; transformers `RagTokenForGeneration.marginalize`): documents are mixed at every token.
 * `logits` [V] of each document for one position → ln p(token | question, tokens before) [V], the log of a softmax already:
 *
 *     ln p(w) = logsumexp_j( ln softmax(doc_scores)_j + ln softmax(logits_j)_w )
 */
export function marginalizeTokens(logits: readonly Float32Array[], docScores: readonly number[]): Float32Array {
  const priors = documentLogProbs(docScores, logits.length)
  const rows = logits.map(logSoftmax)
  return Float32Array.from(rows[0] ?? [], (_, token) => logSumExp(rows.map((row, j) => (row[token] as number) + (priors[j] as number))))
}

export interface SequenceScoring {
  /** Tokens with this id do not count, wherever they stand. */
  readonly padTokenId?: number | undefined
  /** Leaves out the first token after the start, which says nothing where all answers begin alike. */
  readonly skipFirst?: boolean | undefined
}

/**
 * RAG-sequence (transformers `RagSequenceForGeneration.get_nll`, whose negative this is): documents are mixed after the last token.
 * `sequence` is the start token and the answer; `logits[j][t]` [V] are the scores that document j gives for what follows its token t.
 * → ln p(answer | question):
 *
 *     logsumexp_j( ln softmax(doc_scores)_j + Σ_t ln softmax(logits_j,t)[sequence_t+1] )
 *
 * As in the original a document's own probability enters with the second token after the start, and is lost where that is padding or
 * not there.
 */
export function marginalizeSequence(
  logits: readonly (readonly Float32Array[])[],
  docScores: readonly number[],
  sequence: readonly number[],
  { padTokenId, skipFirst = false }: SequenceScoring = {},
): number {
  const priors = documentLogProbs(docScores, logits.length)
  const targets = sequence.slice(1)
  const sums = logits.map((rows, j) => {
    if (rows.length < targets.length) throw new RangeError(`document ${j}: ${rows.length} rows of scores for ${targets.length} tokens`)
    let sum = 0
    for (const [t, target] of targets.entries()) {
      if (target === padTokenId || (t === 0 && skipFirst)) continue
      sum += logSoftmax(rows[t] as Float32Array)[target] as number
      if (t === 1) sum += priors[j] as number
    }
    return sum
  })
  return logSumExp(sums)
}
