import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, type Constant, readAll, type Tensors } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
import { type DeployedTensor, readManifest } from '../src/manifest.ts'
import { CachedDecoder, type Position } from '../src/pipeline/cached-decoder.ts'
import { openPrograms, type ProgramSource } from '../src/pipeline/open-programs.ts'
import type { PipelineFunction } from '../src/pipeline/pipeline-programs.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'
import { temporary } from './workspace.ts'

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const CONTEXT = 32
/** It does not divide the context, so that a prefill near the end of a state does not fit. */
const PREFILL = 12

const encoderIds = [5, 17, 203, 44, 91, 8, 120, 2]
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 3 + ((i * 37) % 250))

const convertFixture = async (fixture: string, options: Partial<Parameters<typeof convert>[0]> = {}): Promise<string> => {
  const [plugin, name] = fixture.split('/') as [string, string]
  const model = join(plugins, plugin, 'fixtures', name)
  const seq = plugin === 'gpt2' ? undefined : [24]
  const out = join(temporary(), 'out')
  await convert({ model, seq, context: CONTEXT, prefill: PREFILL, out, validate: false, ...options })
  return out
}

async function openDecoder(folder: string, from: ProgramSource = 'onnx'): Promise<CachedDecoder> {
  const manifest = readManifest(folder)
  const programs = await openPrograms(folder, manifest, from)
  onTestFinished(() => programs.close())
  const row = (value: (at: number) => number) =>
    arrayConstant(
      'int32',
      [1, 24],
      Int32Array.from({ length: 24 }, (_, at) => value(at)),
    )
  const things = { encoder_input_ids: row(at => encoderIds[at] ?? 0), encoder_attention_mask: row(at => (at < encoderIds.length ? 1 : 0)) }
  let found: CachedDecoder | undefined
  await runPipeline(manifest.pipeline.steps, programs, things, async decoder => {
    found = decoder
    return {}
  })
  return found as CachedDecoder
}

const rows = (logits: Constant): number[] => Array.from(readAll(logits), Number)

/** The largest difference, relative to the largest value. */
function difference(actual: readonly number[], expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length)
  const peak = Math.max(...expected.map(Math.abs))
  return Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] as number)))) / peak
}

const score = async (decoder: CachedDecoder, at: Position, tokens: readonly number[]) => {
  const { outputs, state } = await decoder.score(at, arrayConstant('int32', [1, tokens.length], Int32Array.from(tokens)))
  return { logits: outputs.logits as Constant, state }
}

describe.each(['gpt2/text-generation', 't5/flan', 'bart/text2text'])('%s at the edges of its cache', fixture => {
  test.each(['io', 'state'] as const)('--kv %s', async kv => {
    const whole = await openDecoder(await convertFixture(fixture, { prefill: CONTEXT, targets: ['onnx'] }))
    const all = await score(whole, whole.start(), ids(CONTEXT))
    const width = all.logits.shape.at(-1) as number
    const expected = rows(all.logits)

    const decoder = await openDecoder(await convertFixture(fixture, { kv, targets: ['onnx'] }))
    for (const length of [1, PREFILL - 1, PREFILL, PREFILL + 1, CONTEXT - 1, CONTEXT]) {
      const { logits, state } = await score(decoder, decoder.start(), ids(length))
      expect(logits.shape).toEqual([1, length, width])
      expect(difference(rows(logits), expected.slice(0, length * width))).toBeLessThan(1e-5)
      const one = await decoder.read(decoder.start(), ids(length))
      expect([...one.scores]).toEqual(rows(logits).slice(-width))
      if (length < CONTEXT) {
        const { scores } = await decoder.read(state, [ids(length + 1).at(-1) as number])
        expect(difference([...scores], expected.slice(length * width, (length + 1) * width))).toBeLessThan(1e-5)
      } else {
        await expect(decoder.read(state, [1])).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
      }
    }
    await expect(decoder.read(decoder.start(), ids(CONTEXT + 1))).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
  })
})

const reading = (fixture: string): { ids: number[]; tokens: number[] } => {
  const { generate: entries } = JSON.parse(readFileSync(join(plugins, fixture.replace('/', '/fixtures/'), 'case.json'), 'utf8'))
  return { ids: entries[0].input_ids, tokens: entries[0].tokens }
}

const CACHE_FULL = `the cache of ${CONTEXT} slots is full: convert with a larger --context for longer texts`

test('a text that fills the cache, and one that does not fit', async () => {
  const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
  const full = await generate({ folder, ids: ids(CONTEXT), maxNewTokens: 1 })
  expect(full.tokens.length).toBe(1)
  await expect(generate({ folder, ids: ids(CONTEXT + 1), maxNewTokens: 1 })).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
  const { tokens, text, stopReason, notes } = await generate({ folder, ids: ids(CONTEXT), maxNewTokens: 2 })
  expect({ tokens, text, stopReason, notes }).toEqual({ tokens: full.tokens, text: undefined, stopReason: 'length', notes: [CACHE_FULL] })
  // One that was asked for is no remark.
  expect(full).toMatchObject({ stopReason: 'length', notes: [] })
  for (const options of [{}, { beams: 2 }, { doSample: true }]) {
    const settings = { eos_token_id: null }
    const room = await generate({ folder, ids: ids(CONTEXT - 3), maxNewTokens: 4, settings, ...options })
    const cut = await generate({ folder, ids: ids(CONTEXT - 3), maxNewTokens: 40, settings, ...options })
    expect(room.tokens).toHaveLength(4)
    expect(cut).toMatchObject({ stopReason: 'length', notes: [CACHE_FULL] })
    expect(cut.tokens).toHaveLength(4)
    if (!('beams' in options)) expect(cut.tokens).toEqual(room.tokens)
  }
  await expect(generate({ folder, text: 'no tokenizer' })).rejects.toMatchObject({ code: 'E_NO_TOKENIZER' })
  await expect(generate({ folder, ids: [1], from: 'coreml' })).rejects.toMatchObject({ code: 'E_NOT_WRITTEN' })
})

describe('results', () => {
  const tokenizer = readFileSync(join(plugins, 'bert/fixtures/base/tokenizer.json'))

  test('nothing begins with bos_token_id, where there is one', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    const options = { folder, maxNewTokens: 3 }
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ bos_token_id: 17 }))
    const expected = (await generate({ ...options, ids: [17] })).tokens
    expect((await generate({ ...options, ids: [] })).tokens).toEqual(expected)
    expect((await generate(options)).tokens).toEqual(expected)
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ bos_token_id: 300 }))
    await expect(generate({ ...options, ids: [] })).rejects.toMatchObject({ code: 'E_TOKEN_ID', exitCode: 2 })
    writeFileSync(join(folder, 'generation_config.json'), '{}')
    await expect(generate({ ...options, ids: [] })).rejects.toMatchObject({ code: 'E_PROMPT_EMPTY', exitCode: 2 })
  })

  test('a start token that there is not', async () => {
    const folder = await convertFixture('t5/flan', { targets: ['onnx'] })
    writeFileSync(join(folder, 'generation_config.json'), '{}')
    await expect(generate({ folder, ids: encoderIds })).rejects.toMatchObject({ code: 'E_CONFIG', exitCode: 2 })
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ decoder_start_token_id: 9999 }))
    await expect(generate({ folder, ids: encoderIds })).rejects.toMatchObject({ code: 'E_TOKEN_ID', exitCode: 2 })
    const settings = { guidance_scale: 2, decoder_start_token_id: 0 }
    await expect(generate({ folder, ids: encoderIds, settings })).rejects.toMatchObject({ code: 'E_UNSUPPORTED', exitCode: 2 })
  })

  test('several are drawn one after the other, of which the first streams', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'], kv: 'state' })
    const heard: number[] = []
    const options = { folder, ids: ids(5), maxNewTokens: 4, doSample: true, seed: 5, settings: { eos_token_id: null } }
    const one = await generate(options)
    const three = await generate({
      ...options,
      settings: { num_return_sequences: 3 },
      onToken: token => heard.push(token),
    })
    expect(three.sequences.map(({ tokens }) => tokens.length)).toEqual([4, 4, 4])
    expect(three.tokens).toEqual(one.tokens)
    expect(heard).toEqual(three.tokens)
    expect(new Set(three.sequences.map(({ tokens }) => tokens.join())).size).toBe(3)
    expect((await generate({ ...options, settings: { num_return_sequences: 3 } })).sequences).toEqual(three.sequences)
  })

  test('ruled out or noted: what a call sets', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    const call = (options: Partial<Parameters<typeof generate>[0]>) => generate({ folder, ids: ids(3), maxNewTokens: 1, ...options })
    await expect(call({ doSample: true, temperature: 0 })).rejects.toMatchObject({ code: 'E_OPTION', exitCode: 2 })
    await expect(call({ settings: { bad_words_ids: [[300]] } })).rejects.toMatchObject({ code: 'E_OPTION', exitCode: 2 })
    await expect(call({ settings: { penalty_alpha: 0.5 } })).rejects.toMatchObject({ code: 'E_UNSUPPORTED', exitCode: 2 })
    expect((await call({ temperature: 0.5 })).notes).toEqual([expect.stringContaining('temperature')])
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ bad_words_ids: [[300]] }))
    await expect(call({})).rejects.toMatchObject({ code: 'E_CONFIG', exitCode: 2, what: expect.stringContaining('bad_words_ids') })
  })

  test('two things that cannot both hold are refused', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    const call = (options: Partial<Parameters<typeof generate>[0]>) => generate({ folder, ids: ids(3), maxNewTokens: 1, ...options })
    for (const options of [
      { text: 'both' },
      { beams: 2, settings: { num_beams: 3 } },
      { settings: { max_length: 9 } },
      ...[{ doSample: false }, { settings: { do_sample: false } }].flatMap(not =>
        [{ temperature: 0.5 }, { topK: 3 }, { topP: 0.5 }, { seed: 1 }].map(drawn => ({ ...drawn, ...not })),
      ),
    ])
      await expect(call(options), JSON.stringify(options)).rejects.toMatchObject({ code: 'E_OPTION', exitCode: 2 })
    expect((await call({ beams: 2, settings: { num_beams: 2 } })).tokens).toHaveLength(1)
  })

  test('what ended them is said', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    writeFileSync(join(folder, 'generation_config.json'), '{}')
    const options = { folder, ids: ids(5), maxNewTokens: 8 }
    const { tokens, stopReason } = await generate(options)
    expect(stopReason).toBe('length')
    const ended = await generate({ ...options, settings: { eos_token_id: tokens[1] ?? null } })
    expect(ended.stopReason).toBe('end')
    expect(ended.tokens.at(-1)).toBe(tokens[1])
    expect((await generate({ ...options, settings: { max_time: 0 } })).stopReason).toBe('time')
    expect((await generate({ ...options, settings: { max_time: 0 }, maxNewTokens: 1 })).stopReason).toBe('length')
  })

  test('a time, and texts, end them', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    writeFileSync(join(folder, 'generation_config.json'), '{}')
    const options = { folder, ids: ids(5), maxNewTokens: 8 }
    const whole = await generate(options)
    expect((await generate({ ...options, settings: { max_time: 0 } })).tokens).toEqual(whole.tokens.slice(0, 1))
    expect((await generate({ ...options, settings: { max_time: 600 } })).tokens).toEqual(whole.tokens)
    expect((await generate({ ...options, settings: { max_time: 0 }, beams: 2 })).tokens.length).toBe(1)
    const stop = (stop_strings: string | string[], more = {}) => generate({ ...options, settings: { stop_strings }, ...more })
    await expect(stop('x')).rejects.toMatchObject({ code: 'E_NO_TOKENIZER' })
    writeFileSync(join(folder, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, 'tokenizer_config.json'), '{}')
    const texts = await Promise.all(
      whole.tokens.map((_, at) => generate({ ...options, maxNewTokens: at + 1 }).then(({ text }) => text ?? '')),
    )
    // The end of the text that three tokens make.
    const last = (texts[2] ?? '').slice((texts[1] ?? '').length)
    expect(last).not.toBe('')
    const first = texts.findIndex(text => text.includes(last))
    const stopped = await stop(['never there', last])
    expect(stopped.tokens).toEqual(whole.tokens.slice(0, first + 1))
    expect(stopped.stopReason).toBe('text')
    expect((await stop('never there')).tokens).toEqual(whole.tokens)
  })
})

describe('lengths', () => {
  const tokenizer = readFileSync(join(plugins, 'bert/fixtures/base/tokenizer.json'))

  test('20 new tokens by default, fewer where the cache ends, with a tokenizer too', async () => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    writeFileSync(join(folder, 'generation_config.json'), '{}')
    writeFileSync(join(folder, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, 'tokenizer_config.json'), '{}')
    const counts: number[] = []
    for (const length of [1, 12, 13, 14, 21, 31, CONTEXT]) {
      counts.push((await generate({ folder, ids: ids(length) })).tokens.length)
    }
    // The last token needs no slot.
    expect(counts).toEqual([20, 20, 20, 19, 12, 2, 1])
    await expect(generate({ folder, ids: ids(CONTEXT + 1) })).rejects.toMatchObject({ code: 'E_CONTEXT_FULL', exitCode: 2 })
    expect((await generate({ folder, ids: ids(21), beams: 2 })).tokens.length).toBe(12)
  })

  test('the default does not count the start token of an encoder-decoder', async () => {
    const folder = await convertFixture('t5/flan', { targets: ['onnx'] })
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ decoder_start_token_id: 0 }))
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, eos_token_id: null }))
    expect((await generate({ folder, ids: encoderIds })).tokens.length).toBe(20)
  })

  test.each([
    [{ max_length: 20 }, 20],
    [{ max_length: 20 }, 21],
    [{ max_length: 0 }, 1],
    [{ max_new_tokens: 0 }, 5],
  ])('%j with %i tokens leaves no room', async (config, length) => {
    const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(config))
    writeFileSync(join(folder, 'tokenizer.json'), tokenizer)
    for (const beams of [1, 2])
      await expect(generate({ folder, ids: ids(length), beams })).rejects.toMatchObject({ code: 'E_MAX_LENGTH', exitCode: 2 })
    expect((await generate({ folder, ids: ids(length), maxNewTokens: 2 })).tokens.length).toBe(2)
  })
})

test('an encoder text that is too long', async () => {
  const folder = await convertFixture('bart/text2text', { targets: ['onnx'] })
  await expect(generate({ folder, ids: ids(25) })).rejects.toMatchObject({ code: 'E_INPUT_TOO_LONG' })
})

test('beams need a cache that can be in several places', async () => {
  const folder = await convertFixture('gpt2/text-generation', { kv: 'state', targets: ['onnx'] })
  await expect(generate({ folder, ids: [1], beams: 2 })).rejects.toMatchObject({ code: 'E_BEAMS_NEED_IO' })
})

test.each(['io', 'state'] as const)('a chain of three writes what the whole decoder does, --kv %s', async kv => {
  const folder = await convertFixture('gpt2/inverse-layer-idx', { kv, maxPackageBytes: 180_000 })
  const { pipeline, programs } = readManifest(folder)
  expect(pipeline.steps).toEqual([{ decode: ['decoder_0', 'decoder_1', 'decoder_2'], entry: 'input_ids', feeds: {} }])
  expect(programs.map(({ name, partOf }) => [name, partOf])).toEqual([
    ['decoder_0', 'decoder'],
    ['decoder_1', 'decoder'],
    ['decoder_2', 'decoder'],
    ['decoder', undefined],
  ])
  expect(readdirSync(folder)).toContain('decoder_2.mlpackage')
  const { ids: prompt, tokens } = reading('gpt2/inverse-layer-idx')
  for (const from of ['onnx', 'coreml'] as const) {
    expect((await generate({ folder, ids: prompt, maxNewTokens: tokens.length, from })).tokens).toEqual(tokens)
  }
})

describe('a decoder that takes vectors', () => {
  const inputs = (width: number): DeployedTensor[] => [
    { name: 'words', dtype: 'float32', shape: [1, width, 2], role: 'vectors' },
    { name: 'places', dtype: 'int32', shape: [1, width], role: 'positions', below: 32 },
    { name: 'keys', dtype: 'float32', shape: [1, 1, 1, 32], role: 'cache' },
    { name: 'values', dtype: 'float32', shape: [1, 1, 1, 32], role: 'cache' },
  ]
  /** Gives each vector's sum and the number of slots before it. What inputs are for, roles say and not names. */
  const fn = (width: number, seen: Tensors[], more: readonly DeployedTensor[] = []): PipelineFunction => ({
    name: `reads_${width}`,
    inputs: [...inputs(width), ...more],
    states: [],
    outputs: [
      { name: 'scores', dtype: 'float32', shape: [1, width, 2] },
      { name: 'new_keys', dtype: 'float32', shape: [1, 1, 1, width], updates: 'keys' },
      { name: 'new_values', dtype: 'float32', shape: [1, 1, 1, width], updates: 'values' },
    ],
    run: async feeds => {
      seen.push(feeds)
      const [vectors, positions] = [readAll(feeds.words!), readAll(feeds.places!)]
      const scores = Float32Array.from({ length: 2 * width }, (_, i) =>
        i % 2 === 0 ? Number(vectors[i]) + Number(vectors[i + 1]) : Number(positions[(i - 1) / 2]),
      )
      const update = arrayConstant('fp32', [1, 1, 1, width], new Float32Array(width).fill(1))
      return { scores: arrayConstant('fp32', [1, width, 2], scores), new_keys: update, new_values: update }
    },
  })
  const vectors = arrayConstant('fp32', [1, 5, 2], Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))

  test('reads them in parts, the last one padded', async () => {
    const seen: Tensors[] = []
    const decoder = new CachedDecoder([[fn(3, seen), fn(1, seen)]], undefined, {})
    const { outputs, state } = await decoder.score(decoder.start(), vectors)
    expect(rows(outputs.scores!)).toEqual([3, 0, 7, 1, 11, 2, 15, 3, 19, 4])
    expect(rows(seen[1]!.words!)).toEqual([7, 8, 9, 10, 0, 0])
    expect(state.length).toBe(5)
    expect([...state.caches[0]!.get('keys')!].slice(0, 7)).toEqual([1, 1, 1, 1, 1, 0, 0])
  })

  test('has a program make them of ids', async () => {
    const seen: Tensors[] = []
    const embed = (width: number): PipelineFunction => ({
      name: `embeds_${width}`,
      inputs: [{ name: 'ids', dtype: 'int32', shape: [1, width], role: 'ids' }],
      states: [],
      outputs: [{ name: 'vectors', dtype: 'float32', shape: [1, width, 2] }],
      run: async ({ ids: given }) => ({
        vectors: arrayConstant(
          'fp32',
          [1, width, 2],
          Float32Array.from({ length: 2 * width }, (_, i) => Number(readAll(given!)[i >> 1])),
        ),
      }),
    })
    const decoder = new CachedDecoder([[fn(3, seen), fn(1, seen)]], { functions: [embed(3), embed(1)] }, {})
    const { scores } = await decoder.read(decoder.start(), [4, 5, 6, 7])
    expect([...scores]).toEqual([14, 3])
  })

  test('goes on from a copy where it was forked', async () => {
    const decoder = new CachedDecoder([[fn(3, []), fn(1, [])]], undefined, {})
    const { state } = await decoder.score(decoder.start(), vectors)
    const copy = decoder.fork(state)
    await decoder.score(state, vectors)
    expect(copy.caches[0]!.get('keys')!.reduce((sum, x) => sum + x)).toBe(5)
    expect(state.caches[0]!.get('keys')!.reduce((sum, x) => sum + x)).toBe(10)
  })

  test('names an input that nobody has', async () => {
    const odd: DeployedTensor = { name: 'token_type_ids', dtype: 'int32', shape: [1, 1], role: 'segments' }
    const decoder = new CachedDecoder([[fn(3, [], [odd]), fn(1, [], [odd])]], undefined, {})
    await expect(decoder.score(decoder.start(), vectors)).rejects.toMatchObject({ code: 'E_INPUT_UNKNOWN' })
  })

  test('is none without a cache', () => {
    const bare = { ...fn(1, []), inputs: inputs(1).slice(0, 2) }
    expect(() => new CachedDecoder([[bare]], undefined, {})).toThrow(expect.objectContaining({ code: 'E_NOT_A_DECODER' }))
    // Without slots a sequence would have no end.
    const flat = { ...bare, inputs: inputs(1).map(input => (input.role === 'cache' ? { ...input, shape: [2, 8] } : input)) }
    expect(() => new CachedDecoder([[flat]], undefined, {})).toThrow(expect.objectContaining({ code: 'E_NOT_A_DECODER' }))
  })
})
