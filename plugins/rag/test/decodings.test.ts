import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateRagSequence, generateRagToken, type RagGenerationOptions, type Retrieved, ragGeneration } from '../src/index.ts'
import { type Opened, openFixture } from './programs.ts'

type Settings = Readonly<Record<string, number | boolean | readonly number[]>>

interface Answer {
  readonly tokens: readonly number[]
  readonly score: number
}

/** What transformers answers (tools/goldens/decodings.py). */
interface Case extends Answer {
  readonly fixture: string
  readonly decoding: 'token' | 'sequence'
  readonly context_input_ids: readonly (readonly number[])[]
  readonly context_attention_mask: readonly (readonly number[])[]
  readonly doc_scores: readonly number[]
  readonly settings: Settings
  readonly candidates?: readonly Answer[]
}

const cases = JSON.parse(readFileSync(new URL('fixtures/decodings.json', import.meta.url), 'utf8')) as readonly Case[]

const names: Readonly<Record<string, keyof RagGenerationOptions>> = {
  num_beams: 'beams',
  max_length: 'maxLength',
  min_length: 'minLength',
  eos_token_id: 'eosTokenIds',
  no_repeat_ngram_size: 'noRepeatNgramSize',
  repetition_penalty: 'repetitionPenalty',
  length_penalty: 'lengthPenalty',
  early_stopping: 'earlyStopping',
  forced_bos_token_id: 'forcedBosTokenId',
  forced_eos_token_id: 'forcedEosTokenId',
  do_deduplication: 'deduplicate',
}

const optionsOf = (settings: Settings): RagGenerationOptions =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      const option = names[name]
      if (!option) throw new Error(`there is no option for ${name}`)
      return [option, value]
    }),
  )

const retrieved = (given: Case): Retrieved => ({
  contexts: given.context_input_ids.map((inputIds, j) => ({ inputIds, attentionMask: given.context_attention_mask[j] ?? [] })),
  docScores: given.doc_scores,
})

/** Scores are sums of up to 20 log probabilities. */
const expectScore = (score: number, expected: number) => expect(Math.abs(score - expected)).toBeLessThan(1e-4)

describe.each(['token', 'sequence', 'token-t5'])('the answers of transformers from fixture %s', fixture => {
  let opened: Opened
  beforeAll(async () => {
    opened = await openFixture(fixture, ['--seq', '20', '--context', '32', '--prefill', '8'])
  })
  afterAll(() => opened.close())

  const own = cases.filter(each => each.fixture === fixture).map(each => [each.decoding, JSON.stringify(each.settings), each] as const)

  test('there are both kinds', () => {
    expect(new Set(own.map(([decoding]) => decoding))).toEqual(new Set(['token', 'sequence']))
  })

  test.each(own)('RAG-%s %s', async (decoding, _, given) => {
    // A checkpoint is of one class; the other class reads it too.
    const config = ragGeneration({ ...opened.pipeline, decoding }, optionsOf(given.settings))
    if (decoding === 'token') {
      const { tokens, score } = await generateRagToken(opened.programs, retrieved(given), config)
      expect(tokens).toEqual(given.tokens)
      expectScore(score, given.score)
      return
    }
    const { tokens, score, candidates } = await generateRagSequence(opened.programs, retrieved(given), config)
    expect(tokens).toEqual(given.tokens)
    expectScore(score, given.score)
    expect(candidates.map(each => each.tokens)).toEqual(given.candidates?.map(each => each.tokens))
    for (const [i, candidate] of candidates.entries()) expectScore(candidate.score, given.candidates?.[i]?.score ?? Number.NaN)
  })
})
