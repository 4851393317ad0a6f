import { argmax, type BeamDecoder, type BeamResult, beamSearch, type LogitsRule } from '@silane/core'
import { type RagGeneration, ragRules } from './generation.ts'
import { marginalizeSequence, marginalizeTokens } from './marginalize.ts'

/** A document and the question as the generator's tokenizer has them, padded to the encoder's length. */
export interface RagContext {
  readonly inputIds: readonly number[]
  readonly attentionMask: readonly number[]
}

/** What was retrieved for one question. */
export interface Retrieved {
  readonly contexts: readonly RagContext[]
  /** The inner product of the question's vector with each document's. */
  readonly docScores: readonly number[]
}

/** The generator's programs, whatever runs them. A state is where a decoder stands: what it attends to and its cache. */
export interface RagPrograms<State> {
  /** Reads a context with `encoder`; gives a decoder that has read nothing. */
  encode(context: RagContext): Promise<State>
  /** Reads `ids` with `decoder` after `state`, which stays as it was. Gives the scores [V] of what follows each of them. */
  decode(state: State, ids: readonly number[]): Promise<{ readonly scores: readonly Float32Array[]; readonly state: State }>
}

export interface RagAnswer {
  /** Without the start token; the last one is the end where it was reached. */
  readonly tokens: readonly number[]
  /** The sum of the log probabilities / length^penalty with beams, the sum alone without. */
  readonly score: number
}

export interface RagSequenceAnswer {
  readonly tokens: readonly number[]
  /** ln p(answer | question). */
  readonly score: number
  /** All that was scored, in the order in which documents gave them; the answer is the best of them. */
  readonly candidates: readonly { readonly tokens: readonly number[]; readonly score: number }[]
}

/** Scores of the token after some ids, and how to go on. */
interface First<State> {
  readonly scores: Float32Array
  readonly state: State
}

/**
 * RAG-token: one answer, for each token of which the documents are mixed anew; greedily or by beams, as transformers'
 * `RagTokenForGeneration.generate` finds it.
 */
export async function generateRagToken<State>(
  programs: RagPrograms<State>,
  { contexts, docScores }: Retrieved,
  config: RagGeneration,
): Promise<RagAnswer> {
  const decoder: BeamDecoder<readonly State[]> = {
    next: async (states, id) => {
      const read = await inTurn(states, state => next(programs, state, id))
      const logits = read.map(({ scores }) => scores)
      return { scores: marginalizeTokens(logits, docScores), state: read.map(({ state }) => state) }
    },
  }
  const start = await inTurn(contexts, context => programs.encode(context))
  const [best] = await search(decoder, await decoder.next(start, config.decoderStartTokenId), config)
  return { tokens: best?.ids.slice(1) ?? [], score: best?.score ?? 0 }
}

/**
 * RAG-sequence, its "thorough" decoding: the generator answers from each document by itself, and every answer is scored with all
 * documents; as transformers' `RagSequenceForGeneration.generate` does it with one sequence to return.
 */
export async function generateRagSequence<State>(
  programs: RagPrograms<State>,
  { contexts, docScores }: Retrieved,
  config: RagGeneration,
): Promise<RagSequenceAnswer> {
  const decoder: BeamDecoder<State> = { next: (state, id) => next(programs, state, id) }
  const found = await inTurn(contexts, async context => {
    const start = await programs.encode({ ...context, attentionMask: inferredMask(context, config) })
    return search(decoder, await decoder.next(start, config.decoderStartTokenId), config)
  })
  const all = filled(found.flat(), config)
  const candidates = config.deduplicate ? [...new Map(all.map(each => [each.filled.join(), each])).values()] : all

  const { padTokenId, bosTokenId } = config.scoring
  const skipFirst = bosTokenId !== undefined && candidates.every(({ ids }) => ids[1] === bosTokenId)
  const starts = await inTurn(contexts, context => programs.encode(context))
  const scored = await inTurn(candidates, async ({ ids, filled }) => {
    // Padding at the end counts for nothing, so that it need not be read.
    const read = filled.slice(0, filled.findLastIndex(id => id !== padTokenId) + 1)
    const logits = await inTurn(starts, async state => (await programs.decode(state, read.slice(0, -1))).scores)
    return { tokens: ids.slice(1), score: marginalizeSequence(logits, docScores, read, { padTokenId, skipFirst }) }
  })
  const best = scored.reduce((winner, each) => (each.score > winner.score ? each : winner), scored[0] ?? { tokens: [], score: 0 })
  return { ...best, candidates: scored }
}

/** What the generator's own `generate` takes for the mask, as RAG-sequence hands it none: everything but padding, which an end is not. */
const inferredMask = ({ inputIds }: RagContext, { padTokenId, eosTokenIds }: RagGeneration): readonly number[] =>
  inputIds.map(id => (id !== padTokenId || eosTokenIds.includes(id) ? 1 : 0))

/**
 * Candidates of one length, as they leave the generator and are scored. Beams fill them with the end where padding has the id 0, which
 * transformers' beam search takes for none: a short answer of T5 is then scored with all these ends, and rarely wins.
 */
function filled(found: readonly BeamResult[], { beams, padTokenId, eosTokenIds }: RagGeneration) {
  const length = Math.max(...found.map(({ ids }) => ids.length))
  const fill = (beams > 1 ? padTokenId || eosTokenIds[0] : (padTokenId ?? eosTokenIds[0])) ?? 0
  return found.map(({ ids }) => ({ ids, filled: [...ids, ...Array.from({ length: length - ids.length }, () => fill)] }))
}

async function next<State>(programs: RagPrograms<State>, from: State, id: number): Promise<First<State>> {
  const { scores, state } = await programs.decode(from, [id])
  const last = scores.at(-1)
  if (!last) throw new RangeError('the decoder gave no scores')
  return { scores: last, state }
}

/** As many sequences as there are beams, with their start token, the best first. */
async function search<State>(decoder: BeamDecoder<State>, first: First<State>, config: RagGeneration): Promise<readonly BeamResult[]> {
  const prompt = [config.decoderStartTokenId]
  if (config.maxLength <= prompt.length) throw new RangeError(`maxLength ${config.maxLength} leaves no room behind the start token`)
  const rules = ragRules(config, { promptLength: prompt.length, vocabulary: first.scores.length })
  return config.beams > 1 ? beamSearch(decoder, prompt, first, config, { rules }) : [await greedy(decoder, prompt, first, config, rules)]
}

async function greedy<State>(
  decoder: BeamDecoder<State>,
  prompt: readonly number[],
  first: First<State>,
  config: RagGeneration,
  rules: LogitsRule,
): Promise<BeamResult> {
  const ids = [...prompt]
  let [{ scores, state }, score] = [first, 0]
  for (;;) {
    const ruled = scores.slice()
    rules(ruled, ids)
    const token = argmax(ruled)
    ids.push(token)
    score += ruled[token] as number
    if (config.eosTokenIds.includes(token) || ids.length >= config.maxLength) return { ids, score }
    ;({ scores, state } = await decoder.next(state, token))
  }
}

/** One after the other: programs share a session, which takes one call at a time. */
async function inTurn<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (const item of items) results.push(await map(item))
  return results
}
