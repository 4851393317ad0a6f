import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, type Json, logitsRules, type Tensors } from '@silane/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseModelFlags } from '../src/cli/parse-model-flags.ts'
import { convert } from '../src/convert/convert.ts'
import { type Choice, chooseSequences } from '../src/generate/choose-sequences.ts'
import { generate } from '../src/generate/generate.ts'
import { generationSettings, longestSequence, promptOf } from '../src/generate/generation-config.ts'
import { readManifest } from '../src/manifest.ts'
import type { CachedDecoder } from '../src/pipeline/cached-decoder.ts'
import { openPrograms } from '../src/pipeline/open-programs.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'

/** What transformers makes of a generation_config.json: tools/goldens/generation.py. */
interface Entry {
  readonly input_ids: readonly number[]
  readonly generation_config: { readonly [key: string]: Json }
}

interface Goldens {
  readonly fixture: string
  readonly tokens: readonly (Entry & { readonly sequences: readonly (readonly number[])[]; readonly transformers_4?: Json })[]
  readonly scores: readonly (Entry & { readonly forced: readonly number[]; readonly scores: readonly (readonly [number, number][])[] })[]
  readonly drawn_beams: readonly (Entry & { readonly sequences: readonly (readonly number[])[] })[]
}

/** The part of a case.json that says what a folder writes with these files in it. */
interface CaseFile {
  readonly task: string
  readonly convert: readonly string[]
  readonly generation?: readonly (Entry & { readonly config?: { readonly [key: string]: Json }; readonly tokens: readonly number[] })[]
}

const folder = fileURLToPath(new URL('fixtures/generation', import.meta.url))
const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const all = mkdtempSync(join(tmpdir(), 'silane-settings-'))
afterAll(() => rmSync(all, { recursive: true, force: true }))

const SEQ = 16

/** What an encoder is fed with, where there is one. */
const encoded = (ids: readonly number[]): Tensors => {
  const row = (value: (at: number) => number) =>
    arrayConstant(
      'int32',
      [1, SEQ],
      Int32Array.from({ length: SEQ }, (_, at) => value(at)),
    )
  return { encoder_input_ids: row(at => ids[at] ?? 0), encoder_attention_mask: row(at => (at < ids.length ? 1 : 0)) }
}

describe.each(readdirSync(folder))('%s', file => {
  const goldens = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Goldens
  const out = join(all, file)
  beforeAll(async () => {
    const model = join(plugins, goldens.fixture.replace('/', '/fixtures/'))
    const shape = { context: 32, prefill: 8, ...(goldens.fixture.startsWith('gpt2') ? {} : { seq: [SEQ] }) }
    await convert({ model, ...shape, out, targets: ['onnx'], precision: 'fp32', validate: false })
    programs = await openPrograms(out, readManifest(out), 'onnx')
  })
  afterAll(() => programs.close())
  let programs: Awaited<ReturnType<typeof openPrograms>>

  /** Hands the decoder on after what the encoder read, and what the settings are. */
  async function decoding(entry: Entry, use: (decoder: CachedDecoder, at: ReturnType<typeof situation>) => Promise<void>): Promise<void> {
    const { pipeline } = readManifest(out)
    await runPipeline(pipeline.steps, programs, encoded(entry.input_ids), async decoder => {
      await use(decoder, situation(entry, pipeline.kind === 'encoder-decoder'))
      return {}
    })
  }

  const situation = ({ input_ids, generation_config }: Entry, encoded: boolean) => {
    const { settings, blame } = generationSettings({ folder: out, generation: generation_config, config: undefined }, {})
    const prompt = promptOf(input_ids, settings, { encoded, folder: out })
    const maxLength = longestSequence({ settings, config: undefined, promptLength: prompt.length })
    return { settings, blame, prompt, maxLength, source: input_ids }
  }

  test('at least 40 combinations of settings', () => {
    expect(new Set(goldens.tokens.map(entry => JSON.stringify(entry.generation_config))).size).toBeGreaterThanOrEqual(40)
  })

  /** As `generate` goes about it, with programs that are open. */
  async function written(entry: Entry, choice: Pick<Choice, 'random'>): Promise<readonly (readonly number[])[]> {
    let found: readonly (readonly number[])[] = []
    await decoding(entry, async (decoder, at) => {
      const first = await decoder.read(decoder.start(), at.prompt)
      const sequences = await chooseSequences(decoder, first, {
        ...at,
        ...choice,
        room: Number.POSITIVE_INFINITY,
        stops: () => undefined,
        onToken: () => {},
      })
      found = sequences.map(sequence => sequence.slice(at.prompt.length))
    })
    return found
  }

  test.each(goldens.tokens.map(entry => [entry.input_ids.length, JSON.stringify(entry.generation_config), entry] as const))(
    '%i ids, %s',
    async (_, __, entry) => expect(await written(entry, { random: () => expect.unreachable() })).toEqual(entry.sequences),
  )

  // Every tenth, which is enough to hold that the files are read.
  test.each(goldens.tokens.filter((_, at) => at % 10 === 0).map(entry => [JSON.stringify(entry.generation_config), entry] as const))(
    'from the folder: %s',
    async (_, { input_ids: ids, generation_config, sequences }) => {
      writeFileSync(join(out, 'generation_config.json'), JSON.stringify(generation_config))
      const found = await generate({ folder: out, ids })
      expect(found.sequences.map(({ tokens }) => tokens)).toEqual(sequences)
      expect(found.tokens).toEqual(sequences[0])
      expect(found.notes).toEqual([])
    },
  )

  test.each(goldens.scores.map(entry => [JSON.stringify(entry.generation_config), entry] as const))(
    'what is drawn from: %s',
    async (_, entry) => {
      await decoding(entry, async (decoder, { settings, blame, prompt, maxLength, source }) => {
        let { scores, state } = await decoder.read(decoder.start(), prompt)
        const eosTokenIds = settings.eos_token_id ?? []
        const rules = logitsRules(
          settings,
          { promptLength: prompt.length, maxLength, vocabulary: scores.length, eosTokenIds, forcedFirst: false, source, keep: 1 },
          blame,
        )
        const sequence = [...prompt]
        for (const [step, expected] of entry.scores.entries()) {
          const ruled = scores.slice()
          rules(ruled, sequence)
          const kept = Array.from(ruled, (score, id) => [id, score] as const).filter(([, score]) => score > Number.NEGATIVE_INFINITY)
          expect(kept.map(([id]) => id)).toEqual(expected.map(([id]) => id))
          for (const [at, [, score]] of kept.entries()) expect(Math.abs(score - (expected[at]?.[1] as number))).toBeLessThan(1e-4)
          sequence.push(entry.forced[step] as number)
          ;({ scores, state } = await decoder.next(state, sequence.at(-1) as number))
        }
      })
    },
  )

  // The same noise on all of them: the most likely are drawn.
  test.each(goldens.drawn_beams.map(entry => [JSON.stringify(entry.generation_config), entry] as const))(
    'beams that go on with what is drawn: %s',
    async (_, entry) => expect(await written(entry, { random: () => 0.5 })).toEqual(entry.sequences),
  )
})

describe('generation of fixtures', () => {
  const files = globSync('*/fixtures/*/case.json', { cwd: plugins }).flatMap(path => {
    const { generation, ...facts } = JSON.parse(readFileSync(join(plugins, path), 'utf8')) as CaseFile
    return generation ? [{ path, generation, ...facts }] : []
  })

  test.each(files)('$path', async ({ path, convert: flags, task, generation }) => {
    const out = join(all, path.replaceAll('/', '-'))
    await convert({ ...parseModelFlags(join(plugins, path, '..'), ['--task', task, ...flags]), out, targets: ['onnx'], validate: false })
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
    for (const entry of generation) {
      writeFileSync(join(out, 'generation_config.json'), JSON.stringify(entry.generation_config))
      writeFileSync(join(out, 'config.json'), JSON.stringify({ ...config, ...entry.config }))
      expect((await generate({ folder: out, ids: entry.input_ids })).tokens).toEqual(entry.tokens)
    }
  })

  test('there are some', () => expect(files.length).toBeGreaterThanOrEqual(2))
})
