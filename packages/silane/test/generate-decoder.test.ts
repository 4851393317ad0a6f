import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, type Constant, readAll, type Session, type Tensors, type TensorType } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { CachedDecoder, type DecoderLink, type Position } from '../src/generate/cached-decoder.ts'
import { generate } from '../src/generate/generate.ts'
import { openPrograms, type ProgramSource } from '../src/generate/open-programs.ts'
import { runEncoder } from '../src/generate/run-encoder.ts'
import { readManifest } from '../src/manifest.ts'
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
  const encoder = manifest.programs.some(({ name }) => name === 'encoder')
  return new CachedDecoder(await programs.links(), encoder ? await runEncoder(programs, manifest, encoderIds) : {})
}

const rows = (logits: Constant): number[] => Array.from(readAll(logits), Number)

/** The largest difference, relative to the largest value. */
function difference(actual: readonly number[], expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length)
  const peak = Math.max(...expected.map(Math.abs))
  return Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] as number)))) / peak
}

const score = async (decoder: CachedDecoder, at: Position, tokens: readonly number[]) =>
  decoder.score(at, { input: 'input_ids', values: arrayConstant('int32', [1, tokens.length], Int32Array.from(tokens)) })

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
        const { scores } = await decoder.next(state, ids(length + 1).at(-1) as number)
        expect(difference([...scores], expected.slice(length * width, (length + 1) * width))).toBeLessThan(1e-5)
      } else {
        await expect(decoder.next(state, 1)).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
      }
    }
    await expect(decoder.read(decoder.start(), ids(CONTEXT + 1))).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
  })
})

const reading = (fixture: string): { ids: number[]; tokens: number[] } => {
  const { generate: entries } = JSON.parse(readFileSync(join(plugins, fixture.replace('/', '/fixtures/'), 'case.json'), 'utf8'))
  return { ids: entries[0].input_ids, tokens: entries[0].tokens }
}

test('a text that fills the cache, and one that does not fit', async () => {
  const folder = await convertFixture('gpt2/text-generation', { targets: ['onnx'] })
  const full = await generate({ folder, ids: ids(CONTEXT), maxNewTokens: 1 })
  expect(full.tokens.length).toBe(1)
  await expect(generate({ folder, ids: ids(CONTEXT + 1), maxNewTokens: 1 })).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
  await expect(generate({ folder, ids: ids(CONTEXT), maxNewTokens: 2 })).rejects.toMatchObject({ code: 'E_CONTEXT_FULL' })
  await expect(generate({ folder, text: 'no tokenizer' })).rejects.toMatchObject({ code: 'E_NO_TOKENIZER' })
  await expect(generate({ folder, ids: [1], from: 'coreml' })).rejects.toMatchObject({ code: 'E_NOT_WRITTEN' })
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
  const folder = await convertFixture('gpt2/inverse-layer-idx', { kv, maxPackageBytes: 100_000 })
  expect(readManifest(folder).pipeline.chain).toEqual(['decoder_0', 'decoder_1', 'decoder_2'])
  expect(readdirSync(folder)).toContain('decoder_2.mlpackage')
  const { ids: prompt, tokens } = reading('gpt2/inverse-layer-idx')
  for (const from of ['onnx', 'coreml'] as const) {
    expect((await generate({ folder, ids: prompt, maxNewTokens: tokens.length, from })).tokens).toEqual(tokens)
  }
})

describe('a decoder that takes vectors', () => {
  const type = (shape: readonly number[], dtype: TensorType['dtype'] = 'fp32'): TensorType => ({ dtype, shape })
  /** Gives each vector's sum and the number of slots before it. */
  const session = (width: number, seen: Tensors[]): Session => ({
    run: async inputs => {
      seen.push(inputs)
      const [vectors, positions] = [readAll(inputs.inputs_embeds!), readAll(inputs.position_ids!)]
      const logits = Float32Array.from({ length: 2 * width }, (_, i) =>
        i % 2 === 0 ? Number(vectors[i]) + Number(vectors[i + 1]) : Number(positions[(i - 1) / 2]),
      )
      const update = arrayConstant('fp32', [1, 1, 1, width], new Float32Array(width).fill(1))
      return { logits: arrayConstant('fp32', [1, width, 2], logits), key_update: update, value_update: update }
    },
    close: async () => {},
  })
  const inputs = (width: number) => ({
    inputs_embeds: type([1, width, 2]),
    position_ids: type([1, width], 'int32'),
    key_cache: type([1, 1, 1, 32]),
    value_cache: type([1, 1, 1, 32]),
  })
  const vectors = arrayConstant('fp32', [1, 5, 2], Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))

  test('reads them in parts, the last one padded', async () => {
    const seen: Tensors[] = []
    const link: DecoderLink = { prefill: session(3, seen), step: session(1, seen), inputs: { prefill: inputs(3), step: inputs(1) } }
    const decoder = new CachedDecoder([link])
    const { logits, state } = await decoder.score(decoder.start(), { input: 'inputs_embeds', values: vectors })
    expect(rows(logits)).toEqual([3, 0, 7, 1, 11, 2, 15, 3, 19, 4])
    expect(rows(seen[1]!.inputs_embeds!)).toEqual([7, 8, 9, 10, 0, 0])
    expect(state.length).toBe(5)
    expect([...state.caches[0]!.tensors.key_cache!].slice(0, 7)).toEqual([1, 1, 1, 1, 1, 0, 0])
  })

  test('names an input that nobody has', async () => {
    const odd = { ...inputs(1), token_type_ids: type([1, 1], 'int32') }
    const link: DecoderLink = { prefill: session(3, []), step: session(1, []), inputs: { prefill: odd, step: odd } }
    const decoder = new CachedDecoder([link])
    await expect(decoder.score(decoder.start(), { input: 'inputs_embeds', values: vectors })).rejects.toMatchObject({
      code: 'E_INPUT_UNKNOWN',
    })
  })

  test('is none without a cache', () => {
    const { position_ids } = inputs(1)
    const link: DecoderLink = {
      prefill: session(1, []),
      step: session(1, []),
      inputs: { prefill: { position_ids }, step: { position_ids } },
    }
    expect(() => new CachedDecoder([link])).toThrow(expect.objectContaining({ code: 'E_NOT_A_DECODER' }))
  })
})
