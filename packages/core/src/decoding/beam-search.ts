import type { LogitsRule } from './logits-rules.ts'
import { drawSeveral, logSoftmax } from './scores.ts'

export interface BeamConfig {
  readonly beams: number
  readonly lengthPenalty: number
  readonly earlyStopping: boolean | 'never'
  readonly eosTokenIds: readonly number[]
  readonly maxLength: number
}

/** What is done with scores and sequences on the way. */
export interface BeamRules {
  /** Works on log probabilities. */
  readonly rules: LogitsRule
  /** Whether a sequence ends besides at an end or the longest length. */
  readonly done?: (ids: readonly number[]) => boolean
  /** Changes log probabilities before the rules do. Beams are told by their place, not by what they hold. */
  readonly guide?: (scores: Float32Array, ids: readonly number[], place: number) => Promise<Float32Array>
  /** Candidates are drawn instead of the best being taken. Gives numbers in [0, 1). */
  readonly random?: () => number
}

/** A decoder that can be in several places at once. */
export interface BeamDecoder<State> {
  /** Scores of the token after `ids` [V], and the state to go on from. */
  next(state: State, id: number): Promise<{ scores: Float32Array; state: State }>
}

interface Running<State> {
  readonly ids: readonly number[]
  readonly score: number
  readonly scores: Float32Array
  readonly state: State
}

/** A sequence with its start, and the sum of its log probabilities / length^penalty. */
export interface BeamResult {
  readonly ids: readonly number[]
  readonly score: number
}

/** Far below any score, and still a number: what transformers gives beams that do not exist yet. */
const NOT_YET = -1e9

/**
 * Beam search over one example as transformers does it (`generation/utils.py`, _beam_search): the rules work on log
 * probabilities, twice as many candidates as beams are looked at, and finished ones compete by score / length^penalty.
 * `prompt` includes the start token; `first` are the scores after it. Gives as many sequences as there are beams, the best first.
 */
export async function beamSearch<State>(
  decoder: BeamDecoder<State>,
  prompt: readonly number[],
  first: { readonly scores: Float32Array; readonly state: State },
  config: BeamConfig,
  rules: BeamRules,
): Promise<readonly BeamResult[]> {
  const { beams, eosTokenIds, maxLength, earlyStopping, lengthPenalty } = config
  const eos = new Set(eosTokenIds)
  const ends = (ids: readonly number[]) => eos.has(ids.at(-1) as number) || ids.length >= maxLength || rules.done?.(ids) === true
  let running: Running<State>[] = Array.from({ length: beams }, (_, i) => ({ ids: prompt, score: i === 0 ? 0 : NOT_YET, ...first }))
  let finished: readonly BeamResult[] = []

  for (;;) {
    const candidates = (await expand(running, config, rules)).map(candidate => ({ ...candidate, ended: ends(candidate.ids) }))
    const generated = (candidates[0]?.ids.length ?? 0) - prompt.length
    const full = finished.length === beams
    if (!(earlyStopping === true && full)) {
      const ended = candidates.slice(0, beams).filter(({ ended }) => ended)
      const scored = ended.map(({ ids, score }) => ({ ids, score: score / generated ** lengthPenalty }))
      finished = [...finished, ...scored].sort((a, b) => b.score - a.score).slice(0, beams)
    }
    const open = candidates.filter(({ ended }) => !ended).slice(0, beams)
    if (open.length === 0) break
    if (stops(finished, open[0]?.score ?? NOT_YET, generated, prompt.length, config)) break
    running = await advance(decoder, running, open)
  }
  // A length penalty far below zero makes every score one of NOT_YET's kind, and the search ends before anything has.
  return finished.length > 0 ? finished : running.map(({ ids, score }) => ({ ids, score }))
}

interface Candidate {
  readonly parent: number
  readonly ids: readonly number[]
  readonly score: number
}

/** The best continuations of all beams together, or some that are drawn. */
async function expand<State>(running: readonly Running<State>[], config: BeamConfig, rules: BeamRules): Promise<Candidate[]> {
  const { guide, random } = rules
  const count = Math.max(2, 1 + config.eosTokenIds.length) * config.beams
  const each: Float32Array[] = []
  for (const [place, beam] of running.entries()) {
    const plain = logSoftmax(beam.scores)
    const scores = guide ? await guide(plain, beam.ids, place) : plain
    rules.rules(scores, beam.ids)
    each.push(scores.map(score => beam.score + score))
  }
  const width = each[0]?.length ?? 0
  const candidate = (parent: number, id: number): Candidate => ({
    parent,
    score: each[parent]?.[id] as number,
    ids: [...(running[parent] as Running<State>).ids, id],
  })
  if (random) {
    const together = new Float32Array(width * each.length)
    for (const [parent, scores] of each.entries()) together.set(scores, parent * width)
    return drawSeveral(together, count, random).map(at => candidate(Math.floor(at / width), at % width))
  }
  const best: { parent: number; id: number; score: number }[] = []
  for (const [parent, scores] of each.entries()) {
    for (const [id, score] of scores.entries()) {
      if (best.length === count && score <= (best[count - 1] as { score: number }).score) continue
      const at = best.findIndex(other => other.score < score)
      best.splice(at < 0 ? best.length : at, 0, { parent, id, score })
      if (best.length > count) best.pop()
    }
  }
  return best.map(({ parent, id }) => candidate(parent, id))
}

/** Whether no running beam can still overtake the worst finished one. */
function stops(finished: readonly BeamResult[], best: number, generated: number, promptLength: number, config: BeamConfig): boolean {
  const horizon = config.earlyStopping === 'never' && config.lengthPenalty > 0 ? config.maxLength - promptLength : generated
  const reachable = best / horizon ** config.lengthPenalty
  if (finished.length < config.beams) return !(reachable > NOT_YET)
  if (config.earlyStopping === true) return true
  return reachable <= (finished.at(-1)?.score ?? Number.NEGATIVE_INFINITY)
}

async function advance<State>(
  decoder: BeamDecoder<State>,
  running: readonly Running<State>[],
  open: readonly Candidate[],
): Promise<Running<State>[]> {
  const next: Running<State>[] = []
  for (const { parent, ids, score } of open) {
    const from = running[parent] as Running<State>
    next.push({ ids, score, ...(await decoder.next(from.state, ids.at(-1) as number)) })
  }
  return next
}
