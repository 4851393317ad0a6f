import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, type Constant, readAll, type Tensors } from '@silane/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
import { readManifest } from '../src/manifest.ts'
import { openPrograms } from '../src/pipeline/open-programs.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'
import { deployedSteps } from '../src/pipeline/steps-for.ts'
import { readGoldens } from '../src/validate/goldens.ts'
import { temporary } from './workspace.ts'

const fixture = fileURLToPath(new URL('../../../plugins/blip/fixtures/image-to-text', import.meta.url))
const things = readGoldens(fixture, []).get('vision_encoder')?.samples[0]?.inputs as Tensors
const prompt = [129, 91, 36, 30]
/** The original's. */
const caption = [90, 37, 43, 90, 62, 30, 90, 108]

/** The fixture, converted with another end of captions than config.json has. */
async function converted(sep: number): Promise<string> {
  const model = join(temporary(), 'model')
  cpSync(fixture, model, { recursive: true })
  const file = join(model, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...config, text_config: { ...config.text_config, sep_token_id: sep } }))
  const out = join(temporary(), 'out')
  await convert({ model, context: 32, prefill: 8, targets: ['onnx'], out, validate: false })
  return out
}

describe('a caption', () => {
  test('ends where the pipeline says, not where generation_config.json does', async () => {
    const folder = await converted(43)
    expect((await generate({ folder, ids: prompt, things, maxNewTokens: 8 })).tokens).toEqual(caption.slice(0, 3))
    // The end of generation_config.json.
    expect((await generate({ folder: await converted(2), ids: prompt, things, maxNewTokens: 8 })).tokens).toEqual(caption)
  })

  test('needs a picture', async () => {
    const folder = await converted(102)
    await expect(generate({ folder, ids: prompt, maxNewTokens: 8 })).rejects.toMatchObject({ code: 'E_PICTURE_WANTED' })
  })

  test('needs none where what the decoder reads of it is given', async () => {
    const folder = await converted(102)
    const programs = await openPrograms(folder, readManifest(folder), 'onnx')
    const seen = await programs.functions('vision_encoder')[0]?.run(things)
    await programs.close()
    expect((await generate({ folder, ids: prompt, things: seen ?? {}, maxNewTokens: 8 })).tokens).toEqual(caption)
  })
})

describe('a prompt with places for a picture', () => {
  const opt = fileURLToPath(new URL('../../../plugins/blip2/fixtures/opt', import.meta.url))
  const seen = readGoldens(opt, []).get('vision_encoder')?.samples[0]?.inputs as Tensors
  /** Of the fixture: its pictures have six rows, for which this id stands. */
  const places = (count: number): readonly number[] => [...Array<number>(count).fill(139), 2, 28]
  const all = mkdtempSync(join(tmpdir(), 'silane-places-'))
  afterAll(() => rmSync(all, { recursive: true, force: true }))
  const folder = join(all, 'out')
  beforeAll(async () => {
    await convert({ model: opt, context: 64, prefill: 8, targets: ['onnx'], out: folder, validate: false })
  })

  test('has one for each row', async () => {
    for (const found of [0, 3, 7])
      await expect(generate({ folder, ids: places(found), things: seen })).rejects.toMatchObject({
        code: 'E_PLACES',
        what: `The ids leave ${found} places for a picture, which has 6 rows.`,
      })
    expect((await generate({ folder, ids: places(6), things: seen, maxNewTokens: 2 })).tokens).toHaveLength(2)
  })

  test('wants the picture', async () => {
    await expect(generate({ folder, ids: places(6) })).rejects.toMatchObject({
      code: 'E_PICTURE_WANTED',
      next: expect.stringContaining('`silane caption`'),
    })
    // Without places the language model goes on by itself.
    expect((await generate({ folder, ids: places(0), maxNewTokens: 2 })).tokens).toHaveLength(2)
  })

  test('is made of ids that the model has', async () => {
    for (const id of [-1, 140])
      await expect(generate({ folder, ids: [...places(6), id], things: seen })).rejects.toMatchObject({
        code: 'E_TOKEN_ID',
        what: `${id} is no token of this model, whose ids are 0 to 139.`,
      })
  })

  test('ends where the words begin that are chosen: the id of places among them is a word', async () => {
    const manifest = readManifest(folder)
    const programs = await openPrograms(folder, manifest, 'onnx')
    try {
      await runPipeline(deployedSteps(manifest, 'onnx'), programs, seen, async decoder => {
        const before = (await decoder.read(decoder.start(), places(6))).state
        const { scores } = await decoder.next(decoder.fork(before), 139)
        expect(scores).toHaveLength(140)
        // A prompt has no more of them than there are rows.
        await expect(decoder.read(before, [139])).rejects.toMatchObject({ code: 'E_PIPELINE' })
        // As any word: the same as its vector, which the program that makes vectors has.
        const [words] = programs.functions('embed_tokens').filter(({ name }) => name === 'step')
        const vectors = (await words?.run({ input_ids: arrayConstant('int32', [1, 1], Int32Array.of(139)) }))?.inputs_embeds as Constant
        const { outputs } = await decoder.score(before, vectors)
        expect(Array.from(scores)).toEqual(Array.from(readAll(outputs.logits as Constant), Number))
        return {}
      })
    } finally {
      await programs.close()
    }
  })
})
