import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { askImage, caption } from '../src/pictures/caption.ts'
import { classify } from '../src/pictures/classify.ts'
import { segment } from '../src/pictures/segment.ts'
import { temporary, write } from './workspace.ts'

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const image = join(plugins, 'sam/test/pictures/picture.png')
const all = mkdtempSync(join(tmpdir(), 'silane-broken-'))
afterAll(() => rmSync(all, { recursive: true, force: true }))

const models = { sam: 'boxes', perceiver: 'image-classification-conv', blip2: 'opt' } as const
beforeAll(async () => {
  for (const [plugin, fixture] of Object.entries(models))
    await convert({
      model: join(plugins, plugin, 'fixtures', fixture),
      targets: ['onnx'],
      out: join(all, plugin),
      validate: false,
      ...(plugin === 'sam' ? { options: { boxes: true } } : {}),
    })
})

/** A copy that a test may break. */
function copyOf(plugin: keyof typeof models): string {
  const folder = join(temporary(), plugin)
  cpSync(join(all, plugin), folder, { recursive: true })
  return folder
}

/** The folder, with its silane.json as text changed. */
function edited(plugin: keyof typeof models, edit: (manifest: string) => string): string {
  const folder = copyOf(plugin)
  const file = join(folder, 'silane.json')
  const before = readFileSync(file, 'utf8')
  const after = edit(before)
  expect(after).not.toBe(before)
  writeFileSync(file, after)
  return folder
}

test('files of the model that are broken are named', async () => {
  const folder = copyOf('perceiver')
  for (const [content, code, what] of [
    ['{bad', 'E_JSON', 'config.json is not valid JSON: expected a key in double quotes in line 1, column 2.'],
    ['[1]', 'E_FOLDER_FILE', 'config.json of the converted folder cannot be used: it is no JSON object.'],
  ] as const) {
    write(folder, { 'config.json': content })
    await expect(classify({ folder, image })).rejects.toMatchObject({ code, what })
  }
  const spoken = copyOf('blip2')
  for (const content of ['{bad', '{}']) {
    write(spoken, { 'tokenizer.json': content })
    const refused = { code: content === '{}' ? 'E_FOLDER_FILE' : 'E_JSON', what: expect.stringContaining('tokenizer.json') }
    await expect(caption({ folder: spoken, image })).rejects.toMatchObject(refused)
  }
})

test('programs that were lost or cut off are no fault of the converter', async () => {
  const folder = copyOf('perceiver')
  const file = join(folder, 'onnx/model.onnx')
  truncateSync(file, 100)
  const cut = { code: 'E_PROGRAM_FILE', what: expect.stringMatching(/^onnx\/model\.onnx has 100 bytes, and \d+ were written\.$/) }
  await expect(classify({ folder, image })).rejects.toMatchObject(cut)
  rmSync(file)
  const lost = { code: 'E_PROGRAM_FILE', what: 'onnx/model.onnx is not there.' }
  await expect(classify({ folder, image })).rejects.toMatchObject(lost)
  await expect(classify({ folder, image, from: 'coreml' })).rejects.toMatchObject({ code: 'E_NOT_WRITTEN' })
})

test('a manifest that was edited says what is wrong with it', async () => {
  for (const [from, to] of [
    [/("count": )6/, '$11e9'],
    [/("count": )6/, '$1-2'],
    [/("std": \[)/, '$10,'],
    [/("std": \[)[^\]]*/, '$11'],
    [/("std": \[)[^\]]*/, '$11, 0, 1'],
  ] as const) {
    const folder = edited('blip2', text => text.replace(from, to))
    await expect(caption({ folder, image })).rejects.toMatchObject({ code: 'E_MANIFEST' })
  }
  const withSteps = (steps: readonly object[]) =>
    edited('perceiver', text => text.replace(/("steps": \[)\s*\{/, `$1${JSON.stringify(steps).slice(1, -1)}, {`))
  const resize = (side: number) => ({ resize: [side, side - 1], resampling: 'bilinear' })
  for (const [steps, problem] of [
    [Array.from({ length: 13 }, () => ({ cropSquare: 1 })), 'steps: Too big: expected array to have <=16 items'],
    [[resize(4500), resize(4000)], 'steps: make more than 33554432 pixels'],
    [[{ resizeLongest: 6000, resampling: 'box' }], 'steps: make more than 33554432 pixels'],
    [[{ pad: [2 ** 20, 2 ** 20] }], 'steps: make more than 33554432 pixels'],
    [[{ cropSquare: 5 }], 'steps'],
  ] as const) {
    const what = expect.stringContaining(problem)
    await expect(classify({ folder: withSteps(steps), image })).rejects.toMatchObject({ code: 'E_MANIFEST', what })
  }
  await expect(classify({ folder: withSteps([resize(2000)]), image })).resolves.toHaveProperty('labels')
  const bare = edited('blip2', text => {
    const { pipeline, ...rest } = JSON.parse(text)
    const { image_tokens: _, ...kept } = pipeline
    return JSON.stringify({ ...rest, pipeline: kept })
  })
  const what = expect.stringContaining('silane.json has no image_tokens')
  await expect(caption({ folder: bare, image })).rejects.toMatchObject({ code: 'E_PIPELINE', what })
})

test('places for points are those of the program, and few', async () => {
  const out = join(temporary(), 'masks')
  const withInputs = (change: (role: string | undefined, shape: number[]) => readonly number[]) =>
    edited('sam', text => {
      const manifest = JSON.parse(text)
      for (const { functions } of manifest.programs)
        for (const each of functions) for (const input of each.inputs) input.shape = change(input.role, input.shape)
      return JSON.stringify(manifest)
    })
  const many = withInputs((role, shape) => (role === 'points' ? [1, 1, 2 ** 28, 2] : role === 'labels' ? [1, 1, 2 ** 28] : shape))
  await expect(segment({ folder: many, image, out, box: [5, 5, 20, 20] })).rejects.toMatchObject({ code: 'E_MANIFEST' })
  const odd = withInputs((role, shape) => (role === 'points' ? [...shape.slice(0, -1), 3] : shape))
  await expect(segment({ folder: odd, image, out, box: [5, 5, 20, 20] })).rejects.toMatchObject({ code: 'E_NO_PICTURES' })
})

test('calls want few inputs together', async () => {
  const folder = edited('perceiver', text => {
    const manifest = JSON.parse(text)
    const [program] = manifest.programs
    const [input] = program.functions[0].inputs
    program.functions[0].inputs = Array.from({ length: 1000 }, () => input)
    manifest.pipeline.steps = Array.from({ length: 1000 }, () => ({ call: program.name, feeds: {}, gives: {} }))
    return JSON.stringify(manifest)
  })
  const what = expect.stringContaining('pipeline.steps: have more than 200000 inputs')
  await expect(classify({ folder, image })).rejects.toMatchObject({ code: 'E_MANIFEST', what })
})

test('scores that are not finite are no result', async () => {
  // Steps that leave finite pixels, which overflow in the program.
  const folder = edited('perceiver', text => text.replace(/("rescale": )[\d.]+/, '$12.9e35'))
  await expect(classify({ folder, image })).rejects.toMatchObject({
    code: 'E_NOT_FINITE',
    exitCode: 2,
    what: 'The program gives scores of classes that are not finite.',
  })
  const masks = edited('sam', text => text.replace(/("rescale": )[\d.]+/, '$12.9e35'))
  const out = join(temporary(), 'masks')
  await expect(segment({ folder: masks, image, out, box: [5, 5, 20, 20] })).rejects.toMatchObject({ code: 'E_NOT_FINITE' })
})

test('a verb that does not fit is called by its own name', async () => {
  const refused = { code: 'E_NO_PICTURES', what: '`silane ask-image` cannot use this folder: it writes no text.' }
  await expect(askImage({ folder: join(all, 'perceiver'), image, question: 'x' })).rejects.toMatchObject(refused)
})

test('a box lies in the picture, and masks never replace programs', async () => {
  const folder = join(all, 'sam')
  const out = join(temporary(), 'masks')
  for (const [box, corner] of [
    [[5, 5, 1000, 20], '1000,20'],
    [[-5, 5, 10, 20], '-5,5'],
  ] as const) {
    const what = `The corner ${corner} is not in the picture, which has 83 × 57 pixels.`
    await expect(segment({ folder, image, out, box })).rejects.toMatchObject({ code: 'E_PROMPT', what })
  }
  const onto = segment({ folder, image, out: folder, force: true, box: [5, 5, 20, 20] })
  const what = expect.stringContaining('it holds the converted programs')
  await expect(onto).rejects.toMatchObject({ code: 'E_OUT_FOREIGN', what })
})
