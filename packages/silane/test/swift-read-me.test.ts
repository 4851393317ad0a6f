import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import type { ConvertOptions } from '../src/convert/convert-options.ts'
import { temporary } from './workspace.ts'

interface Case {
  readonly plugin: string
  readonly fixture: string
  readonly options?: Partial<ConvertOptions>
}

/** Swift that is kept beside the tests, as an app would have it. */
const shown: Readonly<Record<string, Case>> = {
  segments: { plugin: 'sam', fixture: 'boxes', options: { options: { boxes: true } } },
  captions: { plugin: 'blip', fixture: 'image-to-text' },
  'placed-in-a-decoder': { plugin: 'blip2', fixture: 'opt' },
  'placed-in-an-encoder': { plugin: 'blip2', fixture: 'flan-t5' },
  classes: { plugin: 'perceiver', fixture: 'image-classification-conv' },
}

const checked: Readonly<Record<string, Case>> = {
  ...shown,
  'points alone': { plugin: 'sam', fixture: 'points' },
  'masks as prompts': { plugin: 'sam', fixture: 'masks', options: { options: { masks: true } } },
  'a picture that Core ML scales': { plugin: 'sam', fixture: 'points', options: { options: { 'image-input': true } } },
  'answers to questions': { plugin: 'blip', fixture: 'visual-question-answering' },
  'pictures and texts compared': { plugin: 'blip2', fixture: 'image-text-retrieval' },
  'a cut decoder behind cut encoders': { plugin: 'blip2', fixture: 'opt', options: { maxPackageBytes: 120_000 } },
  'cut parts that take their own layers': { plugin: 'blip', fixture: 'visual-question-answering', options: { maxPackageBytes: 140_000 } },
  'a cache in a state': { plugin: 'opt', fixture: 'text-generation', options: { kv: 'state', context: 32, prefill: 8 } },
  'an encoder and a decoder of texts': { plugin: 't5', fixture: 'text2text' },
  fp32: { plugin: 't5', fixture: 'text2text', options: { precision: 'fp32' } },
  'functions in packages of their own': { plugin: 'opt', fixture: 'text-generation', options: { minimumOs: 'ios16' } },
  'an encoder of several lengths': { plugin: 'bert', fixture: 'base', options: { seq: [24, 16] } },
}

const readmes = new Map<string, string>()

async function readme(name: string): Promise<string> {
  const { plugin, fixture, options } = checked[name]!
  const model = fileURLToPath(new URL(`../../../plugins/${plugin}/fixtures/${fixture}`, import.meta.url))
  const { out } = await convert({ model, out: join(temporary(), 'out'), validate: false, ...options })
  const text = readFileSync(join(out, 'README.md'), 'utf8')
  readmes.set(name, text)
  return text
}

const filesOf = (text: string): string[] => [...text.matchAll(/^```swift\n(.*?)^```$/gms)].map(([, code = '']) => code)

/** What a compiler would complain about first, for each module of files. */
function problems(modules: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  const checker = fileURLToPath(new URL('swift/check-swift.ts', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, ['--liftoff-only', checker], { input: JSON.stringify(modules), encoding: 'utf8' }))
}

describe('the Swift of a README.md', () => {
  test.each(Object.keys(shown))('%s', async name => {
    await expect(filesOf(await readme(name)).join('\n// Another file.\n\n')).toMatchFileSnapshot(`swift/${name}.swift`)
  })

  test('parses, and every name in it is declared once and called as it is declared', async () => {
    for (const name of Object.keys(checked)) if (!readmes.has(name)) await readme(name)
    const modules = Object.fromEntries([...readmes].map(([name, text]) => [name, filesOf(text)]))
    for (const [name, files] of Object.entries(modules)) expect(files.length, name).toBeGreaterThan(0)
    expect(problems(modules)).toEqual(Object.fromEntries([...readmes.keys()].map(name => [name, []])))
  }, 60_000)

  test('is refused where it would not compile', () => {
    const declared = 'func f(a: Int, b: Int = 1) -> Int { a + b }\n'
    const found = problems({
      syntax: ['func f( {}'],
      unknown: [declared, 'func g() -> Int { f(a: c) }\n'],
      late: ['func g() -> Int {\n  let a = b\n  let b = 1\n  return a\n}\n'],
      twice: ['func g() -> Int {\n  let a = 1\n  let a = 2\n  return a\n}\n'],
      labels: [declared, 'func g() -> Int { f(b: 1) }\n'],
      type: ['func g(_ a: Strng) {}\n'],
      fine: [declared, 'func g() -> [Int] { [f(a: 1), f(a: 1, b: 2)].map { $0 } }\n'],
    })
    expect(Object.entries(found).map(([name, list]) => [name, list.length > 0])).toEqual([
      ['syntax', true],
      ['unknown', true],
      ['late', true],
      ['twice', true],
      ['labels', true],
      ['type', true],
      ['fine', false],
    ])
  })
})

test.each([
  ['segments', '`silane segment . picture.jpg --points 40,30 --box 10,10,90,70 --from coreml`'],
  ['captions', '`silane caption . picture.jpg --from coreml`'],
  ['answers to questions', '`silane ask-image . picture.jpg --question "…" --from coreml`'],
  ['placed-in-a-decoder', '`silane caption . picture.jpg --from coreml` and `silane ask-image . picture.jpg --question "…" --from coreml`'],
  ['classes', '`silane classify . picture.jpg --from coreml`'],
  ['an encoder and a decoder of texts', '`silane generate . --text "…" --from coreml`'],
])('%s: the README.md names the command that does the same', async (name, command) => {
  expect(readmes.get(name) ?? (await readme(name))).toContain(command)
})
