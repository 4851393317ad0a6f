import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Tensors } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
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
    await expect(generate({ folder, ids: prompt, maxNewTokens: 8 })).rejects.toMatchObject({ code: 'E_SESSION_INPUT' })
  })

  test('needs none where what the decoder reads of it is given', async () => {
    const folder = await converted(102)
    const { openPrograms } = await import('../src/pipeline/open-programs.ts')
    const { readManifest } = await import('../src/manifest.ts')
    const programs = await openPrograms(folder, readManifest(folder), 'onnx')
    const seen = await programs.functions('vision_encoder')[0]?.run(things)
    await programs.close()
    expect((await generate({ folder, ids: prompt, things: seen ?? {}, maxNewTokens: 8 })).tokens).toEqual(caption)
  })
})
