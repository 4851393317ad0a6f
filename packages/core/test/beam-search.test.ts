import { describe, expect, test } from 'vitest'
import {
  type BeamConfig,
  type BeamDecoder,
  type BeamRules,
  beamSearch,
  type GenerationSettings,
  logitsRules,
  logSoftmax,
} from '../src/index.ts'

const plain: BeamConfig = {
  eosTokenIds: [0],
  maxLength: 5,
  beams: 2,
  lengthPenalty: 1,
  earlyStopping: false,
}

const START = 9

/** What follows a sequence, by the sequence without its start; states are the sequences. */
type Model = (ids: readonly number[]) => Float32Array

async function search(
  model: Model,
  changes: Partial<BeamConfig>,
  settings: GenerationSettings = {},
  hooks: Partial<BeamRules> = {},
): Promise<readonly number[]> {
  const config = { ...plain, ...changes }
  const [forcedFirst, keep] = [settings.forced_bos_token_id !== undefined, 2]
  const situation = { ...config, promptLength: 1, vocabulary: model([]).length, forcedFirst, source: undefined, keep }
  const rules = logitsRules(settings, situation, (key, problem) => expect.unreachable(`${key} ${problem}`))
  const decoder: BeamDecoder<readonly number[]> = {
    next: async (state, id) => ({ scores: model([...state, id]), state: [...state, id] }),
  }
  const found = await beamSearch(decoder, [START], { scores: model([]), state: [] }, config, { rules, ...hooks })
  expect(found.map(({ ids }) => ids[0])).toEqual(found.map(() => START))
  expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a))
  return found[0]?.ids.slice(1) ?? []
}

/** A model from a table of probabilities; what is not in it ends. */
const table =
  (rows: Readonly<Record<string, readonly number[]>>): Model =>
  ids =>
    Float32Array.from(rows[ids.join(' ')] ?? [0.97, 0.01, 0.01, 0.01], Math.log)

/** Scores that depend on the whole sequence, of `size` tokens. */
const randomModel =
  (seed: number, size: number): Model =>
  ids => {
    let state = ids.reduce((hash, id) => Math.imul(hash ^ (id + 1), 0x9e3779b1) >>> 0, seed)
    return Float32Array.from({ length: size }, () => {
      state = (Math.imul(state ^ (state >>> 15), 0x85ebca6b) + 0x6d2b79f5) >>> 0
      return (4 * state) / 2 ** 32
    })
  }

/** The best finished sequence of all, by score / length^penalty. */
function best(
  model: Model,
  size: number,
  { maxLength, lengthPenalty }: Pick<BeamConfig, 'maxLength' | 'lengthPenalty'>,
): readonly number[] {
  let winner: { ids: readonly number[]; score: number } = { ids: [], score: Number.NEGATIVE_INFINITY }
  const visit = (ids: readonly number[], sum: number): void => {
    const scores = logSoftmax(model(ids))
    for (let id = 0; id < size; id++) {
      const [next, total] = [[...ids, id], sum + (scores[id] as number)]
      if (id !== 0 && next.length + 1 < maxLength) visit(next, total)
      else if (total / next.length ** lengthPenalty > winner.score) winner = { ids: next, score: total / next.length ** lengthPenalty }
    }
  }
  visit([], 0)
  return winner.ids
}

describe('with more beams than sequences it finds the best of all', () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %i', async seed => {
    const model = randomModel(seed, 3)
    for (const lengthPenalty of [0, 1, 2]) {
      const config = { maxLength: 5, lengthPenalty, beams: 64 }
      expect(await search(model, config)).toEqual(best(model, 3, config))
    }
  })
})

// Token 1 looks better than 2, but what follows 2 is surer.
const model = table({
  '': [0.01, 0.55, 0.43, 0.01],
  1: [0.3, 0.25, 0.25, 0.2],
  2: [0.01, 0.01, 0.01, 0.97],
  '2 3': [0.9, 0.05, 0.03, 0.02],
})

// `generate` of transformers 4.57 gives one token for a penalty of -32 and less.
test('gives what it has where no score can be a finished one', async () => {
  const endless: Model = () => Float32Array.from([0.01, 0.4, 0.3, 0.29], Math.log)
  expect(await search(endless, { beams: 2, lengthPenalty: -32 })).toEqual([1])
})

test('goes back on a first choice', async () => {
  expect(await search(model, { beams: 2 })).toEqual([2, 3, 0])
  expect(await search(model, { beams: 1 })).toEqual([1, 0])
})

test('early stopping takes the first that are finished', async () => {
  // Two sequences end after two tokens; a better one would end after three.
  const hasty = table({
    '': [0.01, 0.5, 0.48, 0.01],
    1: [0.55, 0.43, 0.01, 0.01],
    2: [0.5, 0.2, 0.2, 0.1],
    '1 1': [0.99, 0.004, 0.003, 0.003],
  })
  expect(await search(hasty, { earlyStopping: true })).toEqual([1, 0])
  expect(await search(hasty, { earlyStopping: 'never', lengthPenalty: 2 })).toEqual([1, 1, 0])
})

test('a large length penalty prefers long sequences', async () => {
  const even = table({ '': [0.4, 0.58, 0.01, 0.01], 1: [0.4, 0.58, 0.01, 0.01], '1 1': [0.97, 0.01, 0.01, 0.01] })
  expect(await search(even, { lengthPenalty: -1 })).toEqual([0])
  expect(await search(even, { lengthPenalty: 3 })).toEqual([1, 1, 0])
})

test('the maximum length ends a sequence, with the forced end where there is one', async () => {
  const endless: Model = ids => Float32Array.from([0.0001, 0.6, 0.3, 0.0999], p => Math.log(p) + ids.length)
  expect(await search(endless, { maxLength: 4 })).toEqual([1, 1, 1])
  expect(await search(endless, { maxLength: 4 }, { forced_eos_token_id: [0] })).toEqual([1, 1, 0])
})

test('the rules hold in every beam', async () => {
  const endless: Model = () => Float32Array.from([0.0001, 0.6, 0.3, 0.0999], Math.log)
  const ids = await search(endless, { maxLength: 8, beams: 3 }, { no_repeat_ngram_size: 2 })
  const pairs = ids.slice(1).map((id, i) => `${ids[i]} ${id}`)
  expect(new Set(pairs).size).toBe(pairs.length)
  expect(await search(endless, { maxLength: 6 }, { forced_bos_token_id: [3] })).toEqual([3, 1, 1, 1, 1])
  expect(await search(model, {}, { min_length: 4, suppress_tokens: [2] })).not.toContain(2)
})

test('several tokens may end a sequence', async () => {
  const ids = await search(model, { eosTokenIds: [0, 3] })
  expect(ids).toEqual([2, 3])
})

test('a sequence ends where a stop rule says, and competes then', async () => {
  const endless: Model = () => Float32Array.from([0.0001, 0.6, 0.3, 0.0999], Math.log)
  const done = (ids: readonly number[]) => ids.at(-1) === 1
  expect(await search(endless, { maxLength: 9, earlyStopping: true, beams: 1 }, {}, { done })).toEqual([1])
  expect(await search(endless, { maxLength: 9 }, {}, { done: () => true })).toEqual([1])
})

test('guidance comes before the rules, and knows the place of a beam', async () => {
  const endless: Model = () => Float32Array.from([0.0001, 0.6, 0.3, 0.0999], Math.log)
  const places = new Set<number>()
  const guide = async (scores: Float32Array, _: readonly number[], place: number) => {
    places.add(place)
    return scores.map(score => -score)
  }
  expect(await search(endless, { maxLength: 3, beams: 2 }, { suppress_tokens: [0] }, { guide })).toEqual([3, 3])
  expect([...places]).toEqual([0, 1])
})

describe('drawn candidates', () => {
  const spread: Model = () => Float32Array.from({ length: 12 }, (_, id) => -id / 8)
  const seeded = (seed: number) => {
    let state = seed
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32
    }
  }

  test('depend on the numbers, and are never such that are ruled out', async () => {
    const found = new Set<string>()
    for (let seed = 1; seed <= 20; seed++) {
      const ids = await search(spread, { maxLength: 5, beams: 2 }, { suppress_tokens: [2] }, { random: seeded(seed) })
      expect(ids).not.toContain(2)
      found.add(ids.join())
    }
    expect(found.size).toBeGreaterThan(3)
  })

  test('are the best where these are as good as certain', async () => {
    const sure: Model = ids => Float32Array.from([0, 1, 2, 3], id => (id === (ids.length % 3) + 1 ? 40 : -40))
    expect(await search(sure, { maxLength: 5, beams: 1, earlyStopping: true }, {}, { random: seeded(3) })).toEqual([1, 2, 3, 1])
  })
})
