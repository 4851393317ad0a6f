import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isSilaneError } from '@silane/core'
import { afterAll, expect, test } from 'vitest'
import { benchmark } from '../src/benchmark.ts'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
import { tokenizerFolder } from '../src/generate/tokenizer-folder.ts'
import { inspect } from '../src/inspect/inspect.ts'
import { type Manifest, readManifest } from '../src/manifest.ts'
import { classify } from '../src/pictures/classify.ts'
import { validate } from '../src/validate/validate.ts'

// Programs, tensors and things may be called what every object has by its prototype: a converted folder is out of somebody's hands.

const INHERITED = ['constructor', '__proto__', 'toString'] as const

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const image = fileURLToPath(new URL('../../images/fixtures/pictures/gray16-key.png', import.meta.url))
const all = mkdtempSync(join(tmpdir(), 'silane-inherited-'))
afterAll(() => rmSync(all, { recursive: true, force: true }))

/** The names of a manifest that look-ups are made by. */
function namesOf({ programs, pipeline: { steps } }: Manifest): readonly string[] {
  const functions = programs.flatMap(program => program.functions)
  const tensors = functions.flatMap(({ inputs, outputs, states }) => [...inputs, ...outputs, ...states])
  const things = steps.flatMap(step => [step.feeds, 'gives' in step ? step.gives : {}].flatMap(each => Object.entries(each).flat()))
  return [...new Set([...[...programs, ...functions, ...tensors].map(({ name }) => name), ...things])]
}

/** A manifest as text, with a name changed wherever it stands as one. */
function renamed(text: string, from: string, to: string): string {
  const { programs, pipeline, ...rest } = JSON.parse(text)
  const { steps, tokenizers } = pipeline
  const changed = JSON.parse(JSON.stringify({ programs, more: { steps, tokenizers } }).replaceAll(JSON.stringify(from), JSON.stringify(to)))
  return JSON.stringify({ ...rest, programs: changed.programs, pipeline: { ...pipeline, ...changed.more } })
}

interface Verb {
  readonly name: string
  /** What has to be the same whatever things are called. */
  readonly run: (folder: string, model: string) => Promise<unknown>
}

const decode: Verb = {
  name: 'generate',
  run: async folder => (await generate({ folder, ids: [5, 6], maxNewTokens: 2 })).sequences.map(({ tokens }) => tokens),
}
const look: Verb = { name: 'classify', run: async folder => (await classify({ folder, image })).labels }
/** These look things up by fewer names: one of them each, called one of the inherited ones, is enough. */
const others: readonly Verb[] = [
  { name: 'benchmark', run: async folder => (await benchmark({ folder, runs: 1 })).functions.length },
  { name: 'inspect', run: async model => (await inspect({ model })).kind },
  { name: 'validate', run: async (folder, model) => (await validate({ folder, model })).ok },
]

test.each([
  ['gpt2/fixtures/text-generation', { context: 32, prefill: 4 }, decode],
  ['t5/fixtures/text2text', { context: 32, prefill: 4, seq: [8] }, decode],
  ['perceiver/fixtures/image-classification-fourier', {}, look],
] as const)('%s', { timeout: 300_000 }, async (fixture, shape, verb) => {
  const model = join(plugins, fixture)
  const folder = join(all, fixture.replaceAll('/', '-'))
  await convert({ model, out: folder, targets: ['onnx'], validate: false, ...shape })
  const file = join(folder, 'silane.json')
  const text = readFileSync(file, 'utf8')
  const usual = new Map<Verb, unknown>()
  for (const each of [verb, ...others]) usual.set(each, await each.run(folder, model))

  const wrong: string[] = []
  const check = async (from: string, to: string, { name, run }: Verb, expected: unknown) => {
    const made = await run(folder, model).catch((error: unknown) => error)
    const refused = isSilaneError(made) && made.exitCode === 2
    if (!refused && JSON.stringify(made) !== JSON.stringify(expected)) wrong.push(`${name}, ${from} called ${to}: ${made}`)
  }
  for (const [i, from] of namesOf(readManifest(folder)).entries()) {
    for (const [k, to] of INHERITED.entries()) {
      writeFileSync(file, renamed(text, from, to))
      await check(from, to, verb, usual.get(verb))
      const other = others[(i + k) % others.length] as Verb
      if (k === i % INHERITED.length) await check(from, to, other, usual.get(other))
    }
  }
  expect(wrong).toEqual([])
})

test('a tokenizer is the one of its program, whatever that is called', () => {
  const manifest = JSON.parse(`{ "programs": [{ "name": "constructor" }, { "name": "part", "partOf": "__proto__" }],
    "pipeline": { "tokenizers": { "__proto__": "questions" } } }`)
  expect(tokenizerFolder(manifest, 'constructor')).toBe('')
  expect(tokenizerFolder(manifest, 'toString')).toBe('')
  expect(tokenizerFolder(manifest, 'part')).toBe('questions')
})
