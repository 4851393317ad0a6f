import {
  argmax,
  beamSearch,
  draw,
  type GenerationSettings,
  type LogitsRule,
  logitsRules,
  logSoftmax,
  type ReadSettings,
} from '@silane/core'
import type { CachedDecoder, Position, Read } from '../pipeline/cached-decoder.ts'
import type { StopRule } from './stop-rule.ts'

/** All that decides how a decoder goes on after a prompt. */
export interface Choice {
  readonly settings: GenerationSettings
  readonly blame: ReadSettings['blame']
  readonly prompt: readonly number[]
  /** Of a sequence, as it was asked for. */
  readonly maxLength: number
  /** What the cache has room for: a longer sequence ends there. */
  readonly room: number
  /** What the encoder read, or the prompt. */
  readonly source: readonly number[]
  readonly stops: StopRule
  readonly random: () => number
  /** Called with each token as it is chosen; not with beams, and not with several results. */
  readonly onToken: (sequence: readonly number[]) => void
}

/** Sequences with what they begin with, the best first; `first` is the decoder after the prompt. Beams fork, and need a cache that can. */
export async function chooseSequences(decoder: CachedDecoder, first: Read, choice: Choice): Promise<readonly (readonly number[])[]> {
  const { settings, prompt, maxLength, room, source, random } = choice
  const { eos_token_id: eosTokenIds = [], num_beams: beams = 1, num_return_sequences: results = 1 } = settings
  const situation = {
    promptLength: prompt.length,
    maxLength,
    vocabulary: first.scores.length,
    eosTokenIds,
    forcedFirst: settings.forced_bos_token_id !== undefined,
    source,
    // Beams need something to go on with beside the ends.
    keep: beams > 1 ? Math.max(2, 1 + eosTokenIds.length) : 1,
  }
  const rules = logitsRules(settings, situation, choice.blame)
  if (beams > 1) {
    const guide = guidance(decoder, settings)
    const next = (state: Position, id: number) => decoder.next(decoder.fork(state), id)
    const { length_penalty: lengthPenalty = 1, early_stopping: earlyStopping = false } = settings
    const config = { beams, eosTokenIds, maxLength: Math.min(maxLength, room), lengthPenalty, earlyStopping }
    const hooks = {
      rules,
      done: (ids: readonly number[]) => choice.stops(ids) !== undefined,
      ...(guide && { guide }),
      ...(settings.do_sample && { random }),
    }
    const found = await beamSearch({ next }, prompt, first, config, hooks)
    return found.length > 0 ? found.slice(0, results).map(({ ids }) => ids) : [prompt]
  }
  const sequences = [await goOn(decoder, first, rules, choice)]
  while (sequences.length < results) {
    // A state cannot be copied by an application, so that the prompt is read again.
    sequences.push(await goOn(decoder, await decoder.read(decoder.start(), prompt), rules, { ...choice, onToken: () => {} }))
  }
  return sequences
}

async function goOn(decoder: CachedDecoder, first: Read, rules: LogitsRule, choice: Choice): Promise<readonly number[]> {
  const { settings, maxLength, room, stops, random, onToken } = choice
  const limit = Math.min(maxLength, room)
  const guide = guidance(decoder, settings)
  const sequence = [...choice.prompt]
  let { scores, state } = first
  for (;;) {
    const ruled = guide ? await guide(scores, sequence, 0) : scores.slice()
    rules(ruled, sequence)
    const token = settings.do_sample ? draw(ruled, random) : argmax(ruled)
    sequence.push(token)
    onToken(sequence)
    if (settings.eos_token_id?.includes(token) || sequence.length >= limit || stops(sequence)) return sequence
    ;({ scores, state } = await decoder.next(state, token))
  }
}

type Guide = (scores: Float32Array, ids: readonly number[], place: number) => Promise<Float32Array>

/**
 * Classifier-free guidance: scores move away from those that the decoder gives where it has read nothing but the last token of the prompt
 * and what came after it (`UnbatchedClassifierFreeGuidanceLogitsProcessor`). As there, what the second decoder has read belongs to the
 * place of a beam and stays there when beams change places.
 */
function guidance(decoder: CachedDecoder, { guidance_scale: scale = 1 }: GenerationSettings): Guide | undefined {
  if (scale === 1) return undefined
  const unprompted: Position[] = []
  return async (scores, ids, place) => {
    const read = await decoder.next(unprompted[place] ?? decoder.start(), ids.at(-1) as number)
    unprompted[place] = read.state
    const free = logSoftmax(read.scores)
    return logSoftmax(scores).map((score, id) => scale * (score - (free[id] as number)) + (free[id] as number))
  }
}
